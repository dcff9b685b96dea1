//! Chromium, driven through chromedriver by the few words of WebDriver that the tests need: JSON over
//! plain HTTP on this machine.
//!
//! Where there is no browser a test is skipped and says so; `UBOS_REQUIRE_BROWSER=1` makes that a
//! failure. What is started is ended with its owner, by its own process id.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use serde_json::{Value, json};

/// Keys that are no characters, as WebDriver names them.
pub(crate) mod key {
    pub(crate) const TAB: &str = "\u{e004}";
    pub(crate) const ENTER: &str = "\u{e007}";
    pub(crate) const ESCAPE: &str = "\u{e00c}";
    pub(crate) const LEFT: &str = "\u{e012}";
    pub(crate) const UP: &str = "\u{e013}";
    pub(crate) const RIGHT: &str = "\u{e014}";
    pub(crate) const DOWN: &str = "\u{e015}";
}

/// How long anything in the page may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser with one page.
pub(crate) struct Browser {
    driver: Driver,
    session: String,
    /// The page, its profile and its home.
    folder: tempfile::TempDir,
}

/// How large the window is, and what else is special about the browser.
#[derive(Default)]
pub(crate) struct Look {
    /// Of a phone: width and height.
    pub phone: Option<(u32, u32)>,
    /// Whether the user wants nothing to move.
    pub still: bool,
}

impl Browser {
    /// Shows a page, once its programs have begun. `None` without a browser.
    pub(crate) fn show(page: &str) -> Option<Self> {
        Self::show_as(page, &Look::default())
    }

    /// The same, in a special way.
    pub(crate) fn show_as(page: &str, look: &Look) -> Option<Self> {
        let (browser, driver) = match programs() {
            Ok(found) => found,
            Err(why) => {
                let required = std::env::var_os("UBOS_REQUIRE_BROWSER").is_some();
                assert!(!required, "no browser to test with: {why}");
                eprintln!("skipped: no browser to test with: {why}");
                return None;
            }
        };
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("page.html"), page).unwrap();
        let driver = Driver::start(&driver, folder.path());
        let wanted = capabilities(&browser, folder.path(), look);
        let made = driver.ask("POST", "/session", &wanted);
        let session = made["sessionId"].as_str().unwrap().to_owned();
        let browser = Self { driver, session, folder };
        // The browser's own first page asks for a lot.
        browser.go("about:blank");
        browser.requests();
        browser.go(&browser.address());
        browser.until("document.body.dataset.ready === 'yes'");
        Some(browser)
    }

    /// The page's address.
    pub(crate) fn address(&self) -> String {
        format!("file://{}", self.folder.path().join("page.html").display())
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        self.driver.ask(method, &format!("/session/{}{path}", self.session), body)
    }

    fn go(&self, address: &str) {
        self.ask("POST", "/url", &json!({"url": address}));
    }

    /// What an expression in the page comes to.
    pub(crate) fn value(&self, expression: &str) -> Value {
        self.run(&format!("return ({expression});"))
    }

    /// The same as text.
    pub(crate) fn text(&self, expression: &str) -> String {
        self.value(expression).as_str().unwrap_or_default().to_owned()
    }

    /// The same as a number.
    pub(crate) fn number(&self, expression: &str) -> u64 {
        let value = self.value(expression);
        value.as_u64().unwrap_or_else(|| panic!("{expression} is {value}"))
    }

    /// Runs statements in the page.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.ask("POST", "/execute/sync", &json!({"script": script, "args": []}))
    }

    /// Runs statements that end by calling `done`.
    pub(crate) fn run_until_done(&self, script: &str) -> Value {
        let script = format!("const done = arguments[0];\n{script}");
        self.ask("POST", "/execute/async", &json!({"script": script, "args": []}))
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub(crate) fn until(&self, expression: &str) {
        let begun = Instant::now();
        while self.value(expression) != Value::Bool(true) {
            assert!(begun.elapsed() < PATIENCE, "never true: {expression}\n{:?}", self.console());
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// Presses keys one after the other; characters are keys too.
    pub(crate) fn press(&self, keys: &[&str]) {
        let strokes = |key: &&str| {
            [json!({"type": "keyDown", "value": key}), json!({"type": "keyUp", "value": key})]
        };
        let actions: Vec<Value> = keys.iter().flat_map(strokes).collect();
        let all = json!({"actions": [{"type": "key", "id": "keyboard", "actions": actions}]});
        self.ask("POST", "/actions", &all);
    }

    /// Types a text.
    pub(crate) fn write(&self, text: &str) {
        let keys: Vec<String> = text.chars().map(String::from).collect();
        self.press(&keys.iter().map(String::as_str).collect::<Vec<_>>());
    }

    /// Clicks at a place in the window.
    pub(crate) fn click(&self, x: i64, y: i64) {
        let actions = json!([
            {"type": "pointerMove", "duration": 0, "x": x, "y": y},
            {"type": "pause", "duration": 100},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]);
        let all = json!({"actions": [{"type": "pointer", "id": "mouse", "actions": actions}]});
        self.ask("POST", "/actions", &all);
    }

    /// What the page wrote to the console since the last time.
    pub(crate) fn console(&self) -> Vec<String> {
        let entries = self.ask("POST", "/se/log", &json!({"type": "browser"}));
        let entries = entries.as_array().cloned().unwrap_or_default();
        entries.iter().map(|entry| entry["message"].to_string()).collect()
    }

    /// The addresses that the page asked for.
    pub(crate) fn requests(&self) -> Vec<String> {
        let entries = self.ask("POST", "/se/log", &json!({"type": "performance"}));
        let entries = entries.as_array().cloned().unwrap_or_default();
        let requests = entries.iter().filter_map(|entry| {
            let message: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let message = &message["message"];
            let is_request = message["method"] == "Network.requestWillBeSent";
            is_request.then(|| message["params"]["request"]["url"].as_str().unwrap().to_owned())
        });
        requests.collect()
    }

    /// The picture of the window, into the folder that `UBOS_SHOTS` names, if it does: for people.
    pub(crate) fn shot(&self, name: &str) {
        let Some(folder) = std::env::var_os("UBOS_SHOTS").map(PathBuf::from) else { return };
        let encoded = self.ask("GET", "/screenshot", &Value::Null);
        let standard = base64::engine::general_purpose::STANDARD;
        let picture = standard.decode(encoded.as_str().unwrap()).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), picture).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ends the browser; the driver follows. A driver that is gone has no browser left.
        let _ = self.driver.try_ask("DELETE", &format!("/session/{}", self.session), &Value::Null);
    }
}

fn capabilities(browser: &Path, folder: &Path, look: &Look) -> Value {
    let mut flags: Vec<String> = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1280,943",
        "--force-device-scale-factor=1",
        // Pages of two tests at once must not slow each other down for being in the background.
        "--disable-renderer-backgrounding",
        "--disable-background-timer-throttling",
    ]
    .map(String::from)
    .to_vec();
    flags.push(format!("--user-data-dir={}", folder.join("profile").display()));
    if look.still {
        flags.push("--force-prefers-reduced-motion".to_owned());
    }
    let mut options = json!({"binary": browser, "args": flags});
    if let Some((width, height)) = look.phone {
        options["mobileEmulation"] = json!({"deviceMetrics":
            {"width": width, "height": height, "pixelRatio": 2.0, "touch": true}});
    }
    json!({"capabilities": {"alwaysMatch": {
        "browserName": "chrome",
        "timeouts": {"script": 120_000, "pageLoad": 120_000},
        "goog:chromeOptions": options,
        "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
    }}})
}

/// The browser and its driver.
fn programs() -> Result<(PathBuf, PathBuf), String> {
    const MAC: &str = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";
    let browsers = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", MAC];
    let browser = browsers.iter().find_map(|name| find(name)).ok_or("Chromium is not installed")?;
    let driver = find("chromedriver").ok_or("chromedriver is not installed")?;
    Ok((browser, driver))
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// chromedriver, on a port of its own choice.
struct Driver {
    process: Child,
    port: u16,
}

impl Driver {
    fn start(program: &Path, home: &Path) -> Self {
        let mut command = Command::new(program);
        command.arg("--port=0").env("HOME", home).env("XDG_CONFIG_HOME", home.join("config"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let said = BufReader::new(process.stdout.take().unwrap());
        let port = said.lines().map_while(Result::ok).find_map(|line| {
            line.rsplit_once("started successfully on port ")?.1.trim_end_matches('.').parse().ok()
        });
        let port = port.expect("chromedriver says its port");
        Self { process, port }
    }

    #[track_caller]
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.try_ask(method, path, body);
        answer.unwrap_or_else(|why| panic!("{method} {path}: {why}"))
    }

    fn try_ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let told = |e: std::io::Error| e.to_string();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).map_err(told)?;
        stream.set_read_timeout(Some(3 * PATIENCE)).map_err(told)?;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        )
        .map_err(told)?;
        let mut answer: Value =
            serde_json::from_slice(&content(stream)?).map_err(|e| e.to_string())?;
        match answer["value"]["error"].as_str() {
            Some(error) => Err(format!("{error}: {}", answer["value"]["message"])),
            None => Ok(answer["value"].take()),
        }
    }
}

/// The content of an answer.
fn content(stream: TcpStream) -> Result<Vec<u8>, String> {
    let mut reader = BufReader::new(stream);
    let mut length = None;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).map_err(|e| e.to_string())?;
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok();
        }
    }
    let mut content = vec![0; length.ok_or("an answer without its length")?];
    reader.read_exact(&mut content).map_err(|e| e.to_string())?;
    Ok(content)
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
