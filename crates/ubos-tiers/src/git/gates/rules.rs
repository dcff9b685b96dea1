//! The table of secrets that are known by their look: a beginning that hardly occurs elsewhere, what
//! follows it, and how random that is.
//!
//! All beginnings are looked for in one pass. What a rule examines after each of them is bounded, so
//! that the time grows with the length of the text alone, whatever it holds. There are no regular
//! expressions: every one of these forms is a beginning and a run of certain letters.

use std::ops::RangeInclusive;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

use ubos_core::path::RelPath;

use super::found::Found;
use super::{entropy, shapes, stops};

/// A kind of secret.
pub(super) struct Rule {
    /// Its name.
    pub(super) name: &'static str,
    /// What is said of a finding.
    pub(super) what: &'static str,
    /// What it begins with.
    pub(super) prefix: &'static str,
    /// What follows.
    pub(super) shape: Shape,
}

/// What must follow a beginning.
pub(super) enum Shape {
    /// So many of these letters, and no more.
    Run(Letters, RangeInclusive<usize>),
    /// Something of its own: given the text and where the beginning starts and ends, the span of the
    /// whole secret.
    Own(fn(&[u8], usize, usize) -> Option<std::ops::Range<usize>>),
}

/// Which letters a run is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Letters {
    /// Letters and digits.
    Alnum,
    /// And `_`.
    Word,
    /// And `-`.
    Dashed,
    /// And `.`.
    Dotted,
    /// Capital letters and digits.
    Upper,
    /// Those of base64, and of paths.
    Slashed,
}

impl Letters {
    pub(super) fn has(self, byte: u8) -> bool {
        match self {
            Self::Alnum => byte.is_ascii_alphanumeric(),
            Self::Word => byte.is_ascii_alphanumeric() || byte == b'_',
            Self::Dashed => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
            Self::Dotted => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'),
            Self::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Slashed => byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='),
        }
    }
}

/// The least entropy, in bits a letter, of what follows a beginning: ten different letters in twenty
/// have more, a word repeated or a row of `x` has less.
const ENTROPY: f64 = 3.0;

const fn run(
    name: &'static str,
    what: &'static str,
    prefix: &'static str,
    letters: Letters,
    length: RangeInclusive<usize>,
) -> Rule {
    Rule { name, what, prefix, shape: Shape::Run(letters, length) }
}

use Letters::{Alnum, Dashed, Dotted, Slashed, Upper, Word};

/// The rules.
pub(super) static RULES: [Rule; 51] = [
    Rule {
        name: "private-key",
        what: "a private key",
        prefix: "-----BEGIN ",
        shape: Shape::Own(shapes::private_key),
    },
    run("aws-access-key", "a key of AWS", "AKIA", Upper, 16..=16),
    run("aws-access-key", "a key of AWS", "ASIA", Upper, 16..=16),
    run("github-token", "a token of GitHub", "ghp_", Alnum, 36..=255),
    run("github-token", "a token of GitHub", "gho_", Alnum, 36..=255),
    run("github-token", "a token of GitHub", "ghu_", Alnum, 36..=255),
    run("github-token", "a token of GitHub", "ghs_", Alnum, 36..=255),
    run("github-token", "a token of GitHub", "ghr_", Alnum, 36..=255),
    run("github-token", "a token of GitHub", "github_pat_", Word, 60..=255),
    run("gitlab-token", "a token of GitLab", "glpat-", Dotted, 20..=300),
    run("gitlab-token", "a token of GitLab", "glptt-", Dotted, 20..=300),
    run("gitlab-token", "a token of GitLab", "gldt-", Dotted, 20..=300),
    run("gitlab-token", "a token of GitLab", "glrt-", Dotted, 20..=300),
    run("slack-token", "a token of Slack", "xoxb-", Dashed, 20..=255),
    run("slack-token", "a token of Slack", "xoxp-", Dashed, 20..=255),
    run("slack-token", "a token of Slack", "xoxa-", Dashed, 20..=255),
    run("slack-token", "a token of Slack", "xoxr-", Dashed, 20..=255),
    run("slack-token", "a token of Slack", "xoxs-", Dashed, 20..=255),
    run("slack-token", "a token of Slack", "xoxe-", Dashed, 20..=255),
    run("slack-token", "a token of Slack", "xapp-", Dashed, 20..=255),
    run("slack-webhook", "a webhook of Slack", "hooks.slack.com/services/T", Slashed, 40..=60),
    run("shopify-token", "a token of Shopify", "shpat_", Alnum, 32..=32),
    run("shopify-token", "a token of Shopify", "shpca_", Alnum, 32..=32),
    run("shopify-token", "a token of Shopify", "shppa_", Alnum, 32..=32),
    run("shopify-token", "a token of Shopify", "shpss_", Alnum, 32..=32),
    run("linear-key", "a key of Linear", "lin_api_", Alnum, 40..=40),
    run("notion-token", "a token of Notion", "ntn_", Alnum, 46..=46),
    run("azure-key", "a key of Azure", "AccountKey=", Slashed, 88..=88),
    run("stripe-key", "a key of Stripe", "sk_live_", Alnum, 20..=255),
    run("stripe-key", "a key of Stripe", "rk_live_", Alnum, 20..=255),
    run("stripe-key", "a key of Stripe", "whsec_", Alnum, 32..=255),
    run("google-api-key", "a key of Google", "AIza", Dashed, 35..=35),
    run("google-client-secret", "a client secret of Google", "GOCSPX-", Dashed, 28..=28),
    run("anthropic-key", "a key of Anthropic", "sk-ant-", Dashed, 40..=255),
    run("openai-key", "a key of OpenAI", "sk-proj-", Dashed, 40..=255),
    run("openai-key", "a key of OpenAI", "sk-svcacct-", Dashed, 40..=255),
    run("openai-key", "a key of OpenAI", "sk-admin-", Dashed, 40..=255),
    run("openrouter-key", "a key of OpenRouter", "sk-or-v1-", Alnum, 64..=64),
    run("openai-key", "a key of OpenAI or one of its kind", "sk-", Alnum, 32..=64),
    run("groq-key", "a key of Groq", "gsk_", Alnum, 40..=64),
    run("xai-key", "a key of xAI", "xai-", Alnum, 70..=90),
    run("hugging-face-token", "a token of Hugging Face", "hf_", Alnum, 30..=40),
    run("npm-token", "a token of npm", "npm_", Alnum, 36..=36),
    run("pypi-token", "a token of PyPI", "pypi-AgE", Dashed, 50..=255),
    run("digitalocean-token", "a token of DigitalOcean", "dop_v1_", Alnum, 64..=64),
    run("sendgrid-key", "a key of SendGrid", "SG.", Dotted, 66..=66),
    run("tailscale-key", "a key of Tailscale", "tskey-", Dashed, 20..=120),
    run("age-key", "a secret key of age", "AGE-SECRET-KEY-1", Upper, 58..=58),
    Rule {
        name: "telegram-token",
        what: "a token of a Telegram bot",
        prefix: ":AA",
        shape: Shape::Own(shapes::telegram),
    },
    Rule {
        name: "url-password",
        what: "a password in an address",
        prefix: "://",
        shape: Shape::Own(shapes::url_password),
    },
    Rule { name: "jwt", what: "a JSON web token", prefix: "eyJ", shape: Shape::Own(shapes::jwt) },
];

static BEGINNINGS: LazyLock<AhoCorasick> = LazyLock::new(|| {
    AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .build(RULES.iter().map(|rule| rule.prefix))
        .expect("a few short beginnings make an automaton")
});

/// Looks for all kinds of secrets; where they stand is added to `spans`, in rising order.
pub(super) fn examine(
    path: &RelPath,
    content: &[u8],
    found: &mut Found<'_>,
    spans: &mut Vec<std::ops::Range<usize>>,
) {
    let mut lines = found.lines(content);
    for hit in BEGINNINGS.find_iter(content) {
        if found.is_full() {
            return;
        }
        let rule = &RULES[hit.pattern().as_usize()];
        let span = match &rule.shape {
            Shape::Run(letters, length) => matches_run(content, &hit, *letters, length),
            Shape::Own(shape) => shape(content, hit.start(), hit.end()),
        };
        if let Some(span) = span {
            found.secret(rule.name, path, &content[span.clone()], rule.what, lines.at(hit.start()));
            spans.push(span);
        }
    }
}

fn matches_run(
    content: &[u8],
    hit: &aho_corasick::Match,
    letters: Letters,
    length: &RangeInclusive<usize>,
) -> Option<std::ops::Range<usize>> {
    // A host may follow the `//` of an address.
    let in_address = content[..hit.start()].ends_with(b"//");
    if !in_address && !stands_alone(content, hit.start()) {
        return None;
    }
    let rest = &content[hit.end()..];
    // A sentence may go on with a full stop after it.
    let run = rest.iter().take(length.end() + 1).take_while(|&&b| letters.has(b)).count();
    let dots = rest[..run].iter().rev().take_while(|&&b| b == b'.').count();
    let run = run - dots;
    let goes_on = rest.get(run).is_some_and(|&byte| Letters::Word.has(byte));
    let body = &rest[..run];
    let is_secret = length.contains(&run)
        && !goes_on
        && is_mixed(letters, body)
        && entropy::bits(body) >= ENTROPY
        && !stops::is_placeholder(body);
    is_secret.then(|| hit.start()..hit.end() + run)
}

/// Whether letters and digits, or small and capital letters, are mixed.
fn is_mixed(letters: Letters, body: &[u8]) -> bool {
    let has = |is: fn(&u8) -> bool| body.iter().any(is);
    let letters_and_digits = has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic);
    let small_and_capital = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    letters == Upper || letters_and_digits || small_and_capital
}

/// Whether what begins at `start` is no continuation of a word. An `n` that belongs to the `\n` of a
/// text in quotes is none.
pub(super) fn stands_alone(content: &[u8], start: usize) -> bool {
    match content[..start] {
        [] => true,
        [.., b'\\', b'n' | b'r' | b't'] => true,
        [.., before] => !Letters::Dashed.has(before),
    }
}
