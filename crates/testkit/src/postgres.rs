//! PostgreSQL servers of our own, and databases in them with the table `collections` as Arvados has it.
//!
//! Needs the Debian package `postgresql`, and no running server.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The role that owns all.
pub const USER: &str = "postgres";
/// Its password. No message may show it.
pub const PASSWORD: &str = "open-sesame-7";
/// The port of all servers, which listen on Unix sockets of their own directories.
pub const PORT: u16 = 5432;

/// A server in a temporary directory, on a Unix socket, and the pipe that keeps it alive: when this process ends, however it
/// ends, the pipe closes, and the server ends.
#[derive(Debug)]
pub struct PostgresServer {
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

static SERVER: OnceLock<PostgresServer> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

impl PostgresServer {
    /// The server of this process, begun when it is first asked for.
    ///
    /// # Panics
    /// If there is no PostgreSQL.
    pub fn shared() -> &'static PostgresServer {
        SERVER.get_or_init(|| PostgresServer::start("primary"))
    }

    /// A server for as long as it is kept; `mark` is an empty file in its data directory.
    ///
    /// # Panics
    /// If there is no PostgreSQL.
    pub fn start(mark: &str) -> Self {
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
            .expect("a shell can be begun");
        let mut said = String::new();
        let mut lines = BufReader::new(keeper.stdout.take().expect("it is a pipe"));
        while !said.ends_with("ready\n") {
            let more = lines.read_line(&mut said).expect("a pipe can be read");
            assert!(more > 0, "no PostgreSQL: {said}");
        }
        PostgresServer { dir, programs, _keeper: keeper }
    }

    /// The directory of its socket: the host, for who connects.
    pub fn host(&self) -> &Path {
        &self.dir
    }

    fn psql(&self, database: &str) -> Command {
        let mut command = Command::new(self.programs.join("psql"));
        command
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", USER, "-d", database])
            .arg("-h")
            .arg(&self.dir)
            .env("PGPASSWORD", PASSWORD)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        command
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
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}");
    String::from_utf8(output.stdout).expect("PostgreSQL writes UTF-8")
}

/// A database of its own for one test, in the shared server.
#[derive(Debug)]
pub struct ArvadosDatabase {
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

impl ArvadosDatabase {
    /// With the table, which is empty.
    pub fn new() -> Self {
        let database = ArvadosDatabase::empty();
        database.sql(TABLE);
        database
    }

    /// Without the table.
    pub fn empty() -> Self {
        let name = format!("arvados_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        run("postgres", &format!("CREATE DATABASE {name}"));
        ArvadosDatabase { name }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs statements in a session of their own, and waits for them; what they give, a row a line, unaligned.
    ///
    /// # Panics
    /// If one of them fails.
    pub fn sql(&self, statements: &str) -> String {
        run(&self.name, statements)
    }

    /// A session that stays, of a program that calls itself `psql`.
    ///
    /// # Panics
    /// If there is no `psql`.
    pub fn session(&self) -> Session {
        let mut child = PostgresServer::shared().psql(&self.name).spawn().expect("psql begins");
        let input = child.stdin.take().expect("it is a pipe");
        let output = BufReader::new(child.stdout.take().expect("it is a pipe"));
        Session { child, input, output }
    }
}

impl Default for ArvadosDatabase {
    fn default() -> Self {
        ArvadosDatabase::new()
    }
}

/// A session that holds what it has taken until it is dropped.
#[derive(Debug)]
pub struct Session {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Session {
    /// Runs statements, and returns when they are done.
    ///
    /// # Panics
    /// If one of them fails.
    pub fn sql(&mut self, statements: &str) {
        writeln!(self.input, "{statements};\n\\echo done").expect("psql listens");
        let mut line = String::new();
        while line != "done\n" {
            line.clear();
            assert!(self.output.read_line(&mut line).expect("psql speaks") > 0, "{statements}");
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Both fail if it has ended already, which is as well.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn run(database: &str, statements: &str) -> String {
    let mut child = PostgresServer::shared().psql(database).spawn().expect("psql begins");
    let mut input = child.stdin.take().expect("it is a pipe");
    input.write_all(statements.as_bytes()).expect("psql listens");
    drop(input);
    let output = child.wait_with_output().expect("psql ends");
    assert!(output.status.success(), "{statements}");
    String::from_utf8(output.stdout).expect("PostgreSQL writes UTF-8").trim_end().to_owned()
}
