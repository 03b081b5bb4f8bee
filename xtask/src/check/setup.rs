//! What a machine must have before anything can be checked. Installs only what is lacking.

use std::path::PathBuf;

use crate::command::{Failure, Program, root};

/// The licence and ban checker. Built from source once for each machine, in three to four minutes.
const CARGO_DENY: &str = "0.20.2";
/// Debian packages: a C compiler for the cryptography of TLS, curl for the tests that look at a node from outside, Python for
/// the client of Arvados, and the programs of the database from which tests start servers of their own.
const DEBIAN_PACKAGES: [&str; 5] =
    ["build-essential", "curl", "python3", "python3-venv", "postgresql"];
/// Where that package has its programs, in a folder for each version. They are not on the path.
const POSTGRESQL: &str = "/usr/lib/postgresql";

/// Installs what is lacking.
pub(crate) fn run() -> Result<(), Failure> {
    install_debian_packages()?;
    install_python_client()?;
    install_cargo_deny()
}

/// The Python of the virtual environment that has the Arvados client.
pub(crate) fn python() -> PathBuf {
    root().join(".venv/bin/python")
}

fn install_debian_packages() -> Result<(), Failure> {
    let compiler = Program::new("cc").arguments(&["--version"]).succeeds();
    let curl = Program::new("curl").arguments(&["--version"]).succeeds();
    let venv = Program::new("python3").arguments(&["-c", "import ensurepip, venv"]).succeeds();
    if compiler && curl && venv && has_postgresql() {
        return said("a C compiler, curl, Python and PostgreSQL are here");
    }
    Program::new("apt-get").arguments(&["update"]).run()?;
    Program::new("apt-get")
        .arguments(&["install", "--yes", "--no-install-recommends"])
        .arguments(&DEBIAN_PACKAGES)
        .environment("DEBIAN_FRONTEND", "noninteractive")
        .run()
}

/// Anywhere, as the tests look for it (`crates/donjon-balance/tests/postgres/server.rs`).
fn has_postgresql() -> bool {
    let versions = std::fs::read_dir(POSTGRESQL).into_iter().flatten().flatten();
    let mut on_path = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect::<Vec<_>>())
        .unwrap_or_default()
        .into_iter();
    versions.map(|version| version.path().join("bin/initdb")).any(|initdb| initdb.exists())
        || on_path.any(|dir| dir.join("initdb").exists())
}

fn install_python_client() -> Result<(), Failure> {
    let requirements = "tests/python/requirements.txt";
    let wanted = std::fs::read_to_string(root().join(requirements))
        .map_err(|error| Failure::Failed(format!("{requirements}: {error}")))?;
    if frozen().is_some_and(|installed| {
        wanted.lines().all(|line| installed.lines().any(|have| have == line))
    }) {
        return said("the Arvados Python client is here");
    }
    Program::new("python3").arguments(&["-m", "venv", "--clear", ".venv"]).run()?;
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--requirement",
        requirements,
    ];
    Program::new(python()).arguments(&pip).run()
}

/// What is installed in the virtual environment, one `name==version` a line; none if there is no environment.
fn frozen() -> Option<String> {
    if !python().exists() {
        return None;
    }
    let pip = ["-m", "pip", "freeze", "--disable-pip-version-check"];
    Program::new(python()).arguments(&pip).output().ok()
}

fn install_cargo_deny() -> Result<(), Failure> {
    let version = Program::cargo(&["deny", "--version"]);
    if version.succeeds() {
        return said("cargo-deny is here");
    }
    println!("cargo-deny is built from source, once for this machine: three to four minutes");
    Program::cargo(&["install", "cargo-deny", "--locked", "--version", CARGO_DENY]).run()
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "reads better as the last expression of what found nothing to do"
)]
fn said(what: &str) -> Result<(), Failure> {
    println!("{what}");
    Ok(())
}
