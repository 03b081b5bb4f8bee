//! The node as a service: TLS, systemd, log lines, a volume that is missing. Through the real program.

#![expect(clippy::unwrap_used, reason = "helpers of tests: what cannot go on fails the test")]

#[expect(dead_code, reason = "shared with the tests of the command line, which use more of it")]
#[path = "cli/program.rs"]
mod program;

use std::fs::{self, File};
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat, open};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use program::command;

const ADMIN: &str = "rootrootrootrootrootrootrootroot";
const USER: &str =
    "v2/zzzzz-gj3su-077z32aux8dg2s1/3kg6k6lzmp9kj5cpkcoxie963cmvjahbt2fod9zru30k1jqdmi";
const KEY: &str = "keykeykeykeykeykeykeykeykeykeyke";
const MANAGER: &str = "managementmanagementmanagement00";

/// Starts a node that has its configuration and its log in `dir`.
fn spawn(dir: &Path, notify: Option<&Path>) -> Child {
    let config = dir.join("config.yml");
    let mut serve = command(&["serve", "--config", config.to_str().unwrap()]);
    serve.stdin(Stdio::null()).stderr(File::create(dir.join("log")).unwrap());
    if let Some(socket) = notify {
        serve.env("NOTIFY_SOCKET", socket);
    }
    serve.spawn().unwrap()
}

/// A node with an Arvados configuration, its log in a file.
struct Service {
    dir: TempDir,
    url: String,
    child: Child,
}

impl Service {
    /// Starts a node on `scheme`, with volumes in these sub-directories; `absent` ones are not made.
    fn start(
        scheme: &str,
        volumes: &[&str],
        absent: &[&str],
        tls: &Value,
        notify: Option<&Path>,
    ) -> Service {
        let dir = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("{scheme}://127.0.0.1:{port}");
        let mut table = serde_json::Map::new();
        for (number, name) in volumes.iter().enumerate() {
            let root = dir.path().join(name);
            if !absent.contains(name) {
                fs::create_dir(&root).unwrap();
            }
            table.insert(
                format!("zzzzz-nyw5e-{number:015}"),
                json!({"Driver": "Directory", "DriverParameters": {"Root": root}}),
            );
        }
        let config = json!({"Clusters": {"zzzzz": {
            "SystemRootToken": ADMIN,
            "ManagementToken": MANAGER,
            "Collections": {"BlobSigningKey": KEY},
            "Services": {"Keepstore": {"InternalURLs": {&url: {}}}},
            "TLS": tls,
            "Volumes": table,
        }}});
        fs::write(dir.path().join("config.yml"), config.to_string()).unwrap();
        let child = spawn(dir.path(), notify);
        let service = Service { dir, url, child };
        service.wait_for("\"listening\"");
        service
    }

    /// Starts the node again, which has stopped. Does not wait until it listens.
    fn start_again(&mut self) {
        self.child = spawn(self.dir.path(), None);
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap()
    }

    /// Waits until the log holds `text`.
    fn wait_for(&self, text: &str) {
        self.wait_until(text, || self.log().contains(text).then_some(()));
    }

    /// Waits until something is there.
    fn wait_until<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "no {what}; log: {}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What is being answered now.
    fn requests_in_hand(&self) -> String {
        let authorization = format!("Authorization: Bearer {MANAGER}");
        let url = format!("{}/_inspect/requests?api_token={MANAGER}", self.url);
        let output = Command::new("curl").args(["-s", "-H", &authorization, &url]).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Runs a command of the client with the user's token.
    fn client(&self, args: &[&str]) -> Output {
        let node = ["--url", &self.url, "--token", USER, "--insecure"];
        command(&[args, &node].concat()).output().unwrap()
    }

    /// Stores a small file and gives its signed locator.
    fn put(&self, text: &str) -> String {
        let file = self.dir.path().join("data");
        fs::write(&file, text).unwrap();
        let output = self.client(&["block", "put", file.to_str().unwrap()]);
        assert!(output.status.success(), "{output:?}\n{}", self.log());
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // The process may have ended already; either way it is gone after this.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Writes a self-signed certificate and its key.
fn certificate(dir: &Path) -> (PathBuf, PathBuf) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (certificate, key) = (dir.join("cert.pem"), dir.join("key.pem"));
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (certificate, key)
}

#[test]
fn tls_is_spoken_and_the_certificate_is_read_again_at_sighup() {
    let files = tempfile::tempdir().unwrap();
    let (certificate_file, key_file) = certificate(files.path());
    let tls =
        json!({"Certificate": format!("file://{}", certificate_file.display()), "Key": key_file});
    let service = Service::start("https", &["v"], &[], &tls, None);
    let locator = service.put("over TLS");
    let live = format!("{}/livez", service.url);
    let curl = ["-sk", "--http2", "-o", "/dev/null", "-w", "%{http_version}", &live];
    let version = Command::new("curl").args(curl).output().unwrap();
    assert_eq!(version.stdout, b"2", "HTTP/2 is offered with TLS");
    certificate(files.path());
    service.signal(Signal::HUP);
    service.wait_for("read the TLS certificate again");
    assert!(service.client(&["block", "get", &locator]).status.success());
    fs::write(&certificate_file, "nonsense").unwrap();
    service.signal(Signal::HUP);
    service.wait_for("the old one stays");
    assert_eq!(service.client(&["block", "get", &locator]).stdout, b"over TLS");
}

#[test]
fn systemd_is_told_when_the_node_is_ready_and_when_it_stops() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut service = Service::start("http", &["v"], &[], &json!({}), Some(&path));
    let mut buffer = [0; 256];
    let length = socket.recv(&mut buffer).unwrap();
    assert_eq!(buffer[..length].trim_ascii_end(), b"READY=1");
    service.signal(Signal::TERM);
    let length = socket.recv(&mut buffer).unwrap();
    assert_eq!(buffer[..length].trim_ascii_end(), b"STOPPING=1");
    assert_eq!(service.child.wait().unwrap().code(), Some(0));
}

#[test]
fn log_lines_are_json_with_the_go_fields_and_no_secrets() {
    let service = Service::start("http", &["v"], &[], &json!({}), None);
    let locator = service.put("foo");
    assert!(service.client(&["block", "get", &locator]).status.success());
    // A request that fails, with a token in its query and a signature in its path.
    let bad = format!("{}/{}?api_token={USER}", service.url, locator.replace("+3+", "+4+"));
    let curl = Command::new("curl").args(["-s", "-o", "/dev/null", &bad]).status();
    assert!(curl.unwrap().success());
    service.wait_for("\"respStatusCode\":502");
    let log = service.log();
    let (_, signature) = locator.split_once("+A").unwrap();
    for secret in [ADMIN, USER, KEY, MANAGER, &signature[..40]] {
        assert!(!log.contains(secret), "the log holds a secret");
    }
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let put =
        lines.iter().find(|line| line["msg"] == "response" && line["reqMethod"] == "PUT").unwrap();
    for field in [
        "level",
        "time",
        "PID",
        "ClusterID",
        "RequestID",
        "remoteAddr",
        "reqForwardedFor",
        "reqHost",
        "reqPath",
        "reqQuery",
        "reqBytes",
        "respStatusCode",
        "respStatus",
        "respBytes",
        "timeTotal",
        "timeToStatus",
        "timeWriteBody",
        "queue",
        "priority",
    ] {
        assert!(!put[field].is_null(), "{field} in {put}");
    }
    assert_eq!(put["respStatusCode"], 200);
    let failed = lines.iter().find(|line| line["respStatusCode"] == 502).unwrap();
    assert_eq!(failed["respBody"], "checksum mismatch in stored data\n");
}

#[test]
fn a_request_in_hand_is_shown_without_its_signature() {
    let service = Service::start("http", &["v"], &[], &json!({}), None);
    let locator = service.put("foo");
    let (hash, signature) = locator.split_once("+3+A").unwrap();
    let mut upload = TcpStream::connect(service.url.trim_start_matches("http://")).unwrap();
    // It promises more than it sends, so it stays in hand.
    let head = format!(
        "PUT /{locator}?api_token={ADMIN} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {USER}\r\n\
         Content-Length: 3\r\n\r\nf"
    );
    upload.write_all(head.as_bytes()).unwrap();
    let shown = service.wait_until("upload in hand", || {
        let rows = service.requests_in_hand();
        rows.contains(hash).then_some(rows)
    });
    let rows: Value = serde_json::from_str(&shown).unwrap();
    let put = rows.as_array().unwrap().iter().find(|row| row["Method"] == "PUT").unwrap();
    assert_eq!(put["URL"], format!("/{hash}+3+A[removed]?api_token=[removed]"));
    for secret in [ADMIN, USER, KEY, MANAGER, &signature[..40]] {
        assert!(!shown.contains(secret), "a secret is shown: {shown}");
    }
    drop(upload);
}

#[test]
fn a_volume_that_is_missing_stops_neither_the_node_nor_is_it_taken_for_empty() {
    let service = Service::start("http", &["present", "missing"], &["missing"], &json!({}), None);
    assert!(service.log().contains("serving without this volume"));
    let locator = service.put("foo");
    assert!(service.client(&["block", "get", &locator]).status.success());
    let curl = |path: &str| -> String {
        let authorization = format!("Authorization: Bearer {ADMIN}");
        let url = format!("{}/{path}", service.url);
        let output = Command::new("curl")
            .args(["-s", "-w", "\n%{http_code}", "-H", &authorization, &url])
            .output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    assert!(curl("readyz").ends_with("503"));
    assert!(curl("mounts/zzzzz-nyw5e-000000000000001/blocks").ends_with("503"));
    assert!(!curl("index").ends_with("200"), "the whole index cannot be complete");
    // A block that may be on the missing volume is not "not found".
    assert!(curl(&locator_of_an_absent_block()).ends_with("503"));
    assert!(!service.dir.path().join("missing").exists());
}

/// Signed with the node's key for the administrator, whose token `curl` shows.
fn locator_of_an_absent_block() -> String {
    use keep_rules::{BlockHash, SigningKey, Timestamp, Token};
    let hash: BlockHash = "37b51d194a7513e45b56f6524f2d51f2".parse().unwrap();
    let key = SigningKey::new(KEY.as_bytes()).unwrap();
    let token = Token::new(ADMIN).unwrap();
    let ttl = Duration::from_secs(336 * 3600);
    key.sign(&format!("{hash}+3"), hash, &token, Timestamp::from_seconds(4_000_000_000), ttl)
}

/// Puts a pipe in the place of the marker file of a volume: the thread that reads it hangs as on a dead disk.
fn dead_disk(root: &Path) -> PathBuf {
    let marker = root.join(".donjon-volume");
    drop(fs::remove_file(&marker));
    let mode = Mode::RUSR | Mode::WUSR;
    mknodat(CWD, &marker, FileType::Fifo, mode, 0).unwrap();
    marker
}

/// Waits until a thread hangs there. It does so for as long as the pipe is held.
fn wait_until_it_hangs(marker: &Path) -> OwnedFd {
    let begun = Instant::now();
    loop {
        // It can be opened so only while somebody reads it.
        match open(marker, OFlags::WRONLY | OFlags::NONBLOCK, Mode::empty()) {
            Ok(pipe) => return pipe,
            Err(error) => assert_eq!(error, Errno::NXIO),
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "nobody looks at the volume");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn exits_with_0(service: &mut Service) {
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = service.child.try_wait().unwrap() {
            break status;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "it hangs: {}", service.log());
        std::thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(status.code(), Some(0), "{}", service.log());
}

#[test]
fn a_disk_that_hangs_does_not_hold_the_exit() {
    let mut service = Service::start("http", &["v"], &[], &json!({}), None);
    let marker = dead_disk(&service.dir.path().join("v"));
    let ready = format!("{}/readyz", service.url);
    let mut probe = Command::new("curl").args(["-s", "-o", "/dev/null", &ready]).spawn().unwrap();
    let _pipe = wait_until_it_hangs(&marker);
    probe.kill().unwrap();
    probe.wait().unwrap();
    service.signal(Signal::TERM);
    exits_with_0(&mut service);
}

#[test]
fn a_stop_is_heeded_before_the_node_is_ready() {
    let mut service = Service::start("http", &["v"], &[], &json!({}), None);
    service.signal(Signal::TERM);
    exits_with_0(&mut service);
    let marker = dead_disk(&service.dir.path().join("v"));
    service.start_again();
    let _pipe = wait_until_it_hangs(&marker);
    service.signal(Signal::TERM);
    exits_with_0(&mut service);
    assert!(service.log().contains("stopped before it served"), "{}", service.log());
}
