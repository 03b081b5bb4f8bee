//! A PostgreSQL server of our own, in a temporary directory, on a Unix socket. It ends with the process that began it.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use donjon_balance::postgres::{Address, Database, Timeouts};

/// The password of the role `postgres`. No message may show it.
pub(crate) const PASSWORD: &str = "open-sesame-7";

/// The server, and the pipe that keeps it alive: when this process ends, however it ends, the pipe closes.
#[derive(Debug)]
pub(crate) struct Server {
    dir: PathBuf,
    programs: PathBuf,
    _keeper: Child,
}

/// Begins a server in `$2` with the programs of `$1`, says `ready`, waits for the end of its input, and takes all away.
/// The server is in another time zone than ours, and keeps nothing on disk for long: it is not the server that is tested.
const KEEPER: &str = r#"
set -e
umask 077
cd "$2"
printf %s "$3" >password
{
    LC_ALL=C "$1/initdb" -D data -U postgres --auth=scram-sha-256 --pwfile=password --no-sync -E UTF8
    touch "data/$4"
    LC_ALL=C "$1/pg_ctl" -D data -w -t 120 -l server.log start \
        -o "-k $2 -c listen_addresses= -c fsync=off -c timezone=Pacific/Auckland -c max_connections=200"
} >keeper.log 2>&1 || { cat keeper.log server.log; exit 1; }
echo ready
cat >/dev/null
"$1/pg_ctl" -D data -m immediate stop >>keeper.log 2>&1
rm -rf "$2"
"#;

static SERVER: OnceLock<Server> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

fn server() -> &'static Server {
    SERVER.get_or_init(|| Server::start("primary"))
}

impl Server {
    /// A server for as long as it is kept; `mark` is an empty file in its data directory.
    pub(crate) fn start(mark: &str) -> Self {
        let programs = programs();
        // PostgreSQL refuses to run as root; the package has made a user for it.
        let root = output(Command::new("id").arg("-u")).trim() == "0";
        let prefix: &[&str] = if root {
            &["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        } else {
            &["env"]
        };
        let as_user = || {
            let mut command = Command::new(prefix[0]);
            command.args(&prefix[1..]).current_dir("/");
            command
        };
        // Directly in /tmp: the path of a socket has at most 107 bytes.
        let made = output(as_user().args(["mktemp", "-d", "/tmp/donjon-postgres.XXXXXX"]));
        let dir = PathBuf::from(made.trim());
        let mut keeper = as_user()
            .args(["sh", "-c", KEEPER, "keeper"])
            .args([&programs, &dir])
            .args([PASSWORD, mark])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let mut lines = BufReader::new(keeper.stdout.take().unwrap());
        while !said.ends_with("ready\n") {
            assert!(lines.read_line(&mut said).unwrap() > 0, "no PostgreSQL: {said}");
        }
        Server { dir, programs, _keeper: keeper }
    }

    /// The database that every server has.
    pub(crate) fn address(&self) -> Address {
        Address {
            host: self.dir.to_str().unwrap().to_owned(),
            port: 5432,
            user: "postgres".to_owned(),
            password: PASSWORD.to_owned(),
            name: "postgres".to_owned(),
        }
    }
}

/// Where Debian has the programs, of the newest version that is installed; else those on the path.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut bins: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
        .map(|(version, path)| (version, path.join("bin")))
        .filter(|(_, bin)| bin.join("initdb").exists())
        .collect();
    bins.sort();
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let newest = bins.pop().map(|(_, bin)| bin);
    newest
        .or_else(|| std::env::split_paths(&on_path).find(|dir| dir.join("initdb").exists()))
        .expect(
            "no initdb: install the Debian package postgresql, or run `cargo xtask check setup`",
        )
}

fn output(command: &mut Command) -> String {
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{command:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A database of its own for one test, with the table `collections` as Arvados has it.
#[derive(Debug)]
pub(crate) struct Cluster {
    name: String,
}

const TABLE: &str = "CREATE TABLE collections (
    id bigserial PRIMARY KEY, uuid varchar(255), owner_uuid varchar(255), created_at timestamp,
    modified_at timestamp, portable_data_hash varchar(255), manifest_text text, name varchar(255),
    replication_desired integer, replication_confirmed integer, replication_confirmed_at timestamp,
    storage_classes_desired jsonb DEFAULT '[\"default\"]', storage_classes_confirmed jsonb DEFAULT '[]',
    storage_classes_confirmed_at timestamp, is_trashed boolean NOT NULL DEFAULT false, trash_at timestamp,
    delete_at timestamp, current_version_uuid varchar(255), version integer NOT NULL DEFAULT 1);
    CREATE UNIQUE INDEX ON collections (uuid);";

impl Cluster {
    pub(crate) fn new() -> Self {
        let cluster = Cluster::empty();
        cluster.sql(TABLE);
        cluster
    }

    /// Without the table.
    pub(crate) fn empty() -> Self {
        let name = format!("arvados_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        psql("postgres", &format!("CREATE DATABASE {name}"));
        Cluster { name }
    }

    /// Runs statements in a session of their own, and waits for them; what they give, a row a line, unaligned.
    pub(crate) fn sql(&self, statements: &str) -> String {
        psql(&self.name, statements)
    }

    pub(crate) fn address(&self) -> Address {
        Address { name: self.name.clone(), ..server().address() }
    }

    pub(crate) async fn connect(&self) -> Database {
        Database::connect(self.address(), Timeouts::default()).await.unwrap()
    }
}

fn psql(database: &str, statements: &str) -> String {
    let server = server();
    let mut child = Command::new(server.programs.join("psql"))
        .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database])
        .arg("-h")
        .arg(&server.dir)
        .env("PGPASSWORD", PASSWORD)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(statements.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{statements}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}
