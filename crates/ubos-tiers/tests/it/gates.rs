//! The gates against a corpus: every kind of secret must be found, and hashes, UUIDs, lock files,
//! prose and this project's own files must pass.
//!
//! No secret stands here: each is put together from pieces when the test runs.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ubos_core::path::RelPath;
use ubos_testkit::random::Dice;
use ubos_tiers::git::gates::{Finding, Gates, Weight};
use ubos_tiers::git::manifest::Gap;

const ALNUM: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const HEX: &str = "0123456789abcdef";
const SEED: u64 = 5;
/// Secrets of each kind that are tried.
const TRIES: usize = 200;

fn gates() -> Gates {
    let nowhere = Path::new("/nonexistent");
    Gates::load(nowhere, nowhere).unwrap()
}

fn examine(path: &str, content: &str) -> Vec<Finding> {
    gates().examine(&RelPath::new(path).unwrap(), content.as_bytes())
}

fn letters(dice: &mut Dice, from: &str, count: usize) -> String {
    (0..count).map(|_| char::from(*dice.pick(from.as_bytes()))).collect()
}

/// A kind of secret: the rule that must find it, the pieces of its beginning, the letters of the rest
/// and how many there are.
struct Kind(&'static str, &'static [&'static str], &'static str, usize);

const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BECH: &str = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";
const DASHED: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
const WORD: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

const KINDS: [Kind; 31] = [
    Kind("aws-access-key", &["AK", "IA"], UPPER, 16),
    Kind("aws-access-key", &["AS", "IA"], UPPER, 16),
    Kind("github-token", &["gh", "p_"], ALNUM, 36),
    Kind("github-token", &["gh", "o_"], ALNUM, 36),
    Kind("github-token", &["gh", "s_"], ALNUM, 36),
    Kind("github-token", &["github", "_pat_"], WORD, 82),
    Kind("gitlab-token", &["gl", "pat-"], DASHED, 20),
    Kind("slack-token", &["xo", "xb-"], ALNUM, 40),
    Kind("slack-token", &["xo", "xp-"], ALNUM, 60),
    Kind("stripe-key", &["sk", "_live_"], ALNUM, 24),
    Kind("stripe-key", &["rk", "_live_"], ALNUM, 24),
    Kind("google-api-key", &["AI", "za"], DASHED, 35),
    Kind("anthropic-key", &["sk-", "ant-", "api03-"], DASHED, 95),
    Kind("openai-key", &["sk-", "proj-"], DASHED, 120),
    Kind("openai-key", &["sk", "-"], ALNUM, 48),
    Kind("openai-key", &["sk", "-"], HEX, 32),
    Kind("openrouter-key", &["sk-", "or-v1-"], HEX, 64),
    Kind("groq-key", &["gs", "k_"], ALNUM, 52),
    Kind("hugging-face-token", &["h", "f_"], ALNUM, 34),
    Kind("telegram-token", &["9876", "54321:A", "A"], DASHED, 33),
    Kind("npm-token", &["np", "m_"], ALNUM, 36),
    Kind("pypi-token", &["py", "pi-AgE", "IcHlwaS5vcmc"], DASHED, 90),
    Kind("age-key", &["AGE-SEC", "RET-KEY-1"], BECH, 58),
    Kind("digitalocean-token", &["dop", "_v1_"], HEX, 64),
    Kind("slack-webhook", &["https://hooks.sla", "ck.com/services/T"], ALNUM, 44),
    Kind("shopify-token", &["shp", "at_"], HEX, 32),
    Kind("linear-key", &["lin", "_api_"], ALNUM, 40),
    Kind("notion-token", &["nt", "n_"], ALNUM, 46),
    Kind("xai-key", &["xa", "i-"], ALNUM, 80),
    Kind("google-client-secret", &["GOC", "SPX-"], DASHED, 28),
    Kind("stripe-key", &["wh", "sec_"], ALNUM, 32),
];

/// Where secrets stand in real files.
fn places(secret: &str) -> [String; 8] {
    [
        secret.to_owned(),
        format!("a note\nthe key is {secret}.\n"),
        format!("KEY={secret}\n"),
        format!("{{\"value\": \"{secret}\"}}"),
        format!("curl -H 'Authorization: Bearer {secret}' x\r\n"),
        format!("{{\"out\": \"done\\n{secret}\\n\"}}"),
        format!("`{secret}`"),
        format!("https://u:{secret}@host/x?k={secret}&y"),
    ]
}

fn is_found(rule: &str, findings: &[Finding], secret: &str) -> bool {
    for finding in findings {
        assert!(!format!("{finding:?}").contains(secret), "a finding tells its value");
    }
    let withheld = Weight::Withhold(Gap::Secret);
    findings.iter().any(|finding| finding.rule == rule && finding.weight == withheld)
}

#[test]
fn every_kind_of_secret_is_found_wherever_it_stands() {
    let gates = gates();
    let path = RelPath::new("notes/a.md").unwrap();
    let mut dice = Dice::new(SEED);
    for Kind(rule, beginning, from, count) in KINDS {
        let mut missed = Vec::new();
        for _ in 0..TRIES {
            let secret = beginning.concat() + &letters(&mut dice, from, count);
            for place in places(&secret) {
                if !is_found(rule, &gates.examine(&path, place.as_bytes()), &secret) {
                    missed.push(place);
                }
            }
        }
        // A random text can look like a stand-in, or end in a letter that belongs to a word.
        let share = missed.len() as f64 / (TRIES * 8) as f64;
        println!("{rule} {}: {:.2} % missed", beginning.concat(), share * 100.0);
        assert!(share < 0.02, "{rule}: {:?}", &missed[..missed.len().min(3)]);
    }
}

#[test]
fn keys_in_blocks_are_found() {
    let mut dice = Dice::new(SEED);
    for title in ["RSA PRI", "PRI", "OPENSSH PRI", "EC PRI", "ENCRYPTED PRI"] {
        for end in ["\n", "\r\n", "\\n"] {
            let line = letters(&mut dice, ALNUM, 64);
            let dashes = "-----";
            let text = format!("x\n{dashes}BEGIN {title}VATE KEY{dashes}{end}{line}{end}");
            assert!(is_found("private-key", &examine("a.md", &text), &line), "{text}");
        }
    }
    let text = format!(
        "{0}BEGIN PGP PRI{1}VATE KEY BLOCK{0}\nVersion: 2\nComment: mine\n\n{2}\n",
        "-----",
        "",
        letters(&mut dice, ALNUM, 64)
    );
    assert_eq!(examine("a.md", &text)[0].rule, "private-key");
}

#[test]
fn web_tokens_are_found() {
    let mut dice = Dice::new(SEED);
    for _ in 0..TRIES {
        let part = |dice: &mut Dice, count| letters(dice, ALNUM, count);
        let token = format!(
            "{0}{1}.{0}{2}.{3}",
            ["ey", "J"].concat(),
            part(&mut dice, 33),
            part(&mut dice, 80),
            part(&mut dice, 43)
        );
        for place in places(&token) {
            assert!(is_found("jwt", &examine("a.md", &place), &token), "{place}");
        }
    }
}

/// Assignments as they stand in settings, scripts, notes and code.
fn assignments(value: &str) -> Vec<String> {
    vec![
        format!("password = \"{value}\"\n"),
        format!("DB_PASSWORD='{value}'\n"),
        format!("client_secret: \"{value}\"\n"),
        format!("{{\"apiKey\": \"{value}\"}}"),
        format!("{{\\\"access_token\\\": \\\"{value}\\\"}}"),
        format!("const authToken = `{value}`;"),
        format!("config[\"api_key\"] = \"{value}\""),
        format!("secret_key := \"{value}\""),
        format!("'token' => '{value}',"),
    ]
}

fn bare_assignments(value: &str) -> Vec<String> {
    vec![
        format!("export API_TOKEN={value}\n"),
        format!("api_key: {value}\n"),
        format!("https://host/x?access_token={value}&a=b"),
        format!("aws_secret_access_key = {value}"),
    ]
}

#[test]
fn what_is_assigned_to_the_name_of_a_secret_is_found() {
    let mut dice = Dice::new(SEED);
    for (from, count, most) in
        [(ALNUM, 20, 0.12), (ALNUM, 32, 0.02), (ALNUM, 40, 0.01), (HEX, 32, 0.02), (HEX, 40, 0.02)]
    {
        let (mut tried, mut missed) = (0, 0);
        for _ in 0..TRIES {
            let value = letters(&mut dice, from, count);
            let mut forms = assignments(&value);
            forms.extend(bare_assignments(&value));
            for form in forms {
                tried += 1;
                missed +=
                    usize::from(!is_found("assigned-secret", &examine("a.md", &form), &value));
            }
        }
        let share = f64::from(u32::try_from(missed).unwrap()) / f64::from(tried);
        println!("assigned {count} of {}: {:.1} % missed", from.len(), share * 100.0);
        assert!(share <= most, "{count} of {}: {share}", from.len());
    }
}

/// Texts that hold no secret and much that looks like one.
fn harmless(dice: &mut Dice) -> Vec<String> {
    let hex = |dice: &mut Dice, count| letters(dice, HEX, count);
    let base64 = ALNUM.to_owned() + "+/";
    let sha1 = hex(dice, 40);
    let sha256 = hex(dice, 64);
    let uuid = format!(
        "{}-{}-4{}-a{}-{}",
        hex(dice, 8),
        hex(dice, 4),
        hex(dice, 3),
        hex(dice, 3),
        hex(dice, 12)
    );
    let sri = letters(dice, &base64, 86);
    let image = letters(dice, &base64, 4000);
    let wide = letters(dice, DASHED, 400);
    vec![
        format!("commit {sha1}\nindex {}..{} 100644\n", &sha1[..7], &sha1[8..15]),
        format!("checksum = \"{sha256}\"\nsource = \"registry\"\n"),
        format!("id: {uuid}\nsession token: {uuid}\ntoken = \"{uuid}\"\n"),
        format!("\"integrity\": \"sha512-{sri}==\",\n\"resolved\": \"https://r/x-1.2.3.tgz\"\n"),
        format!("![](data:image/png;base64,{image})\n"),
        format!("file {wide}\n"),
        format!("password_hash = \"{sha256}\"\ntoken_digest: {sha1}\n"),
        format!("next_page_token: \"{wide}\"\npublic_key = \"{sri}\"\n"),
    ]
}

const PROSE: [&str; 25] = [
    "def sign(self, private_key: ed25519.Ed25519PrivateKey, n: int): ...",
    "The password must be long. A secret: never write it down; a token = something that proves it.",
    "api_key = \"your-api-key-here\"\ntoken: <your token>\nsecret = 'changeme-please-123'\n",
    "password = os.environ[\"DB_PASSWORD_2024_X1\"]\ntoken = process.env.GITHUB_TOKEN_V2a3b4\n",
    "OPENAI_API_KEY=sk-your-key-here-1234567890abcdefghijkl\nANTHROPIC_API_KEY=sk-ant-...\n",
    "token: ${{ secrets.GITHUB_TOKEN }}\npassword: \"{{ vault_password_1a2b3c }}\"\n",
    "access key AKIAIOSFODNN7EXAMPLE and secret wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n",
    "let token = self.next_token(); let secret = Secret::new(); if password == expected {}",
    "tokens: 1,024 in, 2,048 out; tokenizer = \"cl100k_base_v2_2024\"; token_count: 12345678901234567890",
    "risk-free task-list sk-learn desk-side mask-rcnn-resnet50-fpn-coco-2017-weights-v1-final",
    "{\"secretName\": \"my-kubernetes-secret-v2-prod-eu1\", \"tokenUrl\": \"https://a.b/c/d1e2f3g4h5\"}",
    "secret: my-kubernetes-app-v2-secret-10\npassword: correct-horse-battery-staple\n",
    "private_key_path = \"/home/me/.ssh/id_ed25519_2024a1b2c3\"\nsecret_file: ~/x/y1z2a3b4c5d6e7f8\n",
    "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----\n",
    "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYDVQQGEwJJ\n",
    "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAu1SU1LfVLPHCozMxH2Mo\n",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE0b1Xc2Vd3Ke4Lf5Mg6Nh7Oi8Pj9Qk0Rl1Sm2Tn3 me@host\n",
    "Das Passwort: geheim. Parola este secretă. token（トークン）= 文字列の一部",
    "secret_created_at = \"2026-11-22T18:27:09.123456789Z\"\ntoken_expires: 2026-11-22T18:27:09+00:00\n",
    "grep -E 'password|secret|token' *.log | sed 's/token=[^&]*/token=REDACTED1a2b3c4d5e6f/'\n",
    "| api_key | string | the key, `api_key=KEY` in the query |\n| token | 32 hex digits |\n",
    "class AccessTokenProviderV2Factory; access_token: OAuth2AccessTokenProviderFactoryImplV2\n",
    "password: \"••••••••••••••••\"\nAPI_KEY=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\ntoken=0000000000000000000000a1\n",
    "eyJhbGciOi… is how a web token begins; hf_transformers, npm_config_registry, ghp_ and AKIA are names\n",
    "12:AA:34:BB:56:CC is an address of a card; 2001:db8::AA01; 1234567890:AA is short\n",
];

#[test]
fn what_only_looks_like_a_secret_passes() {
    for text in PROSE {
        assert_eq!(examine("notes/a.md", text), [], "{text}");
    }
    let gates = gates();
    let path = RelPath::new("notes/a.md").unwrap();
    let mut dice = Dice::new(SEED);
    let mut wrong = String::new();
    for _ in 0..TRIES {
        for text in harmless(&mut dice) {
            for finding in gates.examine(&path, text.as_bytes()) {
                writeln!(wrong, "{} in {}", finding.rule, &text[..text.len().min(100)]).unwrap();
            }
        }
    }
    assert_eq!(wrong, "", "with seed {SEED}");
}

/// The files of this project, as `path, content`.
fn own_files() -> Vec<(RelPath, Vec<u8>)> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut folders = vec![root.join("crates"), root.join("docs"), root.join("scripts")];
    let tops = ["README.md", "ARCHITECTURE.md", "Cargo.lock", "Cargo.toml", "deny.toml"];
    let mut files: Vec<PathBuf> = tops.iter().map(|name| root.join(name)).collect();
    while let Some(folder) = folders.pop() {
        for item in std::fs::read_dir(folder).unwrap() {
            let item = item.unwrap();
            let kind = item.file_type().unwrap();
            if kind.is_dir() {
                folders.push(item.path());
            } else if kind.is_file() {
                files.push(item.path());
            }
        }
    }
    files
        .into_iter()
        .map(|file| {
            let inside = file.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
            (RelPath::new(inside).unwrap(), std::fs::read(&file).unwrap())
        })
        .collect()
}

#[test]
fn the_files_of_this_project_pass() {
    let gates = gates();
    let files = own_files();
    assert!(files.len() > 300, "only {} files", files.len());
    let mut wrong = String::new();
    for (path, content) in &files {
        let findings = gates.by_path(path).into_iter().chain(gates.examine(path, content));
        for Finding { rule, line, .. } in findings {
            writeln!(wrong, "{rule}: {path}:{line:?}").unwrap();
        }
    }
    assert_eq!(wrong, "");
}

#[test]
fn what_is_allowed_passes_and_all_else_does_not() {
    let root = tempfile::tempdir().unwrap();
    let state = root.path().join(".ubos-sync");
    std::fs::create_dir_all(&state).unwrap();
    let mut dice = Dice::new(SEED);
    let token = |dice: &mut Dice| ["gh", "p_"].concat() + &letters(dice, ALNUM, 36);
    let (one, other) = (token(&mut dice), token(&mut dice));
    let text = format!("{one}\n{one}\n{other}\n");
    let path = RelPath::new("a.md").unwrap();
    let findings = gates().examine(&path, text.as_bytes());
    let lines: Vec<_> = findings.iter().map(|finding| finding.line).collect();
    assert_eq!(lines, [Some(1), Some(3)], "each value once");
    std::fs::write(state.join("backup-allow"), format!("{} old\n", findings[0].fingerprint))
        .unwrap();
    let gates = Gates::load(&state, root.path()).unwrap();
    assert_eq!(gates.examine(&path, text.as_bytes()), findings[1..]);
    assert_eq!(gates.examine(&RelPath::new("b.md").unwrap(), text.as_bytes()).len(), 2);
    let env = RelPath::new(".env").unwrap();
    let finding = gates.by_path(&env).unwrap();
    std::fs::write(state.join("backup-allow"), &finding.fingerprint).unwrap();
    assert_eq!(Gates::load(&state, root.path()).unwrap().by_path(&env), None);
}

#[test]
fn allowed_secrets_do_not_hide_the_next_one() {
    let root = tempfile::tempdir().unwrap();
    let state = root.path().join(".ubos-sync");
    std::fs::create_dir_all(&state).unwrap();
    let mut dice = Dice::new(SEED);
    let mut text = String::new();
    for _ in 0..150 {
        writeln!(text, "{}{}", ["gh", "p_"].concat(), letters(&mut dice, ALNUM, 36)).unwrap();
    }
    let path = RelPath::new("a.md").unwrap();
    let first = gates().examine(&path, text.as_bytes());
    assert_eq!(first.len(), 100, "enough is told to withhold the file");
    let allowed: Vec<&str> = first.iter().map(|finding| finding.fingerprint.as_str()).collect();
    std::fs::write(state.join("backup-allow"), allowed.join("\n")).unwrap();
    assert_eq!(Gates::load(&state, root.path()).unwrap().examine(&path, text.as_bytes()).len(), 50);
}

#[test]
fn binary_content_is_passed_over() {
    let token = ["gh", "p_"].concat() + &letters(&mut Dice::new(SEED), ALNUM, 36);
    assert_eq!(examine("a.bin", &format!("\0{token}")), []);
    assert_eq!(examine("a.txt", &token).len(), 1);
}

/// Texts that make a careless matcher look at the same bytes again and again.
fn hostile(size: usize) -> Vec<String> {
    let begin = format!("{}BEGIN PRI{}", "-----", "VATE KEY-----");
    let pieces = [
        "a",
        " ",
        "\"",
        "\\",
        "token",
        "token=",
        "token='",
        "token=\"a1",
        "password: ",
        "sk-",
        "ghp_a1B2",
        "eyJ",
        "eyJ.",
        "eyJhbGciOiJIUzI1.",
        "1:AA",
        "1",
        "-----BEGIN ",
        "AKIA",
        "<<<<<<< x\n",
        "=======\n",
        "{\"token\":",
        "[",
        "[\"",
        "{\"a\":{",
        "/*",
        "//\n",
        "\n",
    ];
    let pieces = pieces.iter().copied().chain([begin.as_str()]);
    pieces.map(|piece| piece.repeat(size / piece.len())).collect()
}

#[test]
fn hostile_content_takes_time_by_its_length_alone() {
    let gates = gates();
    // Looking at every byte for every byte of this would take many minutes.
    for text in hostile(1 << 18) {
        for path in ["a.md", "a.json", "a.jsonl", ".obsidian/plugins/x/data.json"] {
            let start = Instant::now();
            let _ = gates.examine(&RelPath::new(path).unwrap(), text.as_bytes());
            let shown = &text[..text.len().min(20)];
            assert!(start.elapsed() < Duration::from_secs(10), "{path}: {shown}");
        }
    }
}
