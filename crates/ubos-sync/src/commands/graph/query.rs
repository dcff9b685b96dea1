//! `ubos-sync graph query`: notes by their properties.

use clap::Args;

use ubos_tiers::graph::ask::Question;

/// Find notes by their properties
///
/// A query is a condition, what to sort by, what to show and how many; each part may be left out.
#[derive(Debug, Args)]
#[command(after_help = "\
Conditions:
  status = active          also !=  <  <=  >  >=     due < today+7d
  status exists            authors contains ann      status in (active, waiting)
  not A      A and B      A or B      (A or B) and C
Fields:
  any property (`a.b` for what is below it), and path, name, folder, tag, alias,
  size, words, tasks, open, links, backlinks, modified; `folder` and `tag` also
  equal what is above them

Examples:
  ubos-sync graph query 'status = active and folder = missions sort by date'
  ubos-sync graph query 'tag = idea and backlinks = 0 show words limit 10'
  ubos-sync graph query 'due <= today and open > 0 sort by due'")]
pub(crate) struct QueryArgs {
    /// The query
    #[arg(value_name = "QUERY", required = true)]
    query: Vec<String>,
}

impl QueryArgs {
    /// As it is asked.
    pub(crate) fn question(&self) -> Question {
        Question::Query { query: self.query.join(" ") }
    }
}
