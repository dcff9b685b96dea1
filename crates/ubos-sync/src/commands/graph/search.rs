//! `ubos-sync graph search`: full text.

use clap::Args;

use ubos_tiers::graph::ask::Question;

/// Search the notes, in Obsidian's language
///
/// Words must all be there, in the text or the name. Case does not matter.
#[derive(Debug, Args)]
#[command(after_help = "\
Operators:
  one two            both               one OR two      either
  -one               not                (one OR two) three
  \"one two\"          the phrase         /on[ec]/        a regular expression
  path:docs  file:plan  content:word    in one part only
  tag:#work          the tag, and those below it
  line:(a b)  block:(a b)  section:(a b)                in one of these
  task:x  task-todo:x  task-done:x      in tasks
  [status]  [status:active]  [status:null]  [rating:<5] by properties
  match-case:X  ignore-case:x

Examples:
  ubos-sync graph search 'harbour -tag:#done'
  ubos-sync graph search 'path:/^missions\\// [status:active] task-todo:\"\"'")]
pub(crate) struct SearchArgs {
    /// The search
    #[arg(value_name = "QUERY", allow_hyphen_values = true)]
    query: String,
    /// More of it, where it is not quoted
    #[arg(value_name = "WORD")]
    more: Vec<String>,
    /// Most lines of each file
    #[arg(long, value_name = "N", default_value_t = 3)]
    snippets: usize,
}

impl SearchArgs {
    /// As it is asked.
    pub(crate) fn question(&self) -> Question {
        let words = std::iter::once(&self.query).chain(&self.more);
        let query = words.map(String::as_str).collect::<Vec<_>>().join(" ");
        Question::Search { query, snippets: self.snippets }
    }
}
