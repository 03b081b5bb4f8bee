//! What is checked, in order: what is quick and often wrong comes first.

use crate::check::setup;
use crate::command::{Failure, Program, target};
use crate::tidy;
use crate::workspace::Workspace;

/// The feature of crates with tests that need root.
const MACHINE_TESTS: &str = "machine-tests";

/// One step.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) run: fn() -> Result<(), Failure>,
}

/// All of CI.
pub(crate) const STEPS: [Step; 14] = [
    Step { name: "setup", what: "what this machine lacks", run: setup::run },
    Step { name: "fmt", what: "the format of the source", run: format },
    Step { name: "clippy", what: "lints, warnings are errors", run: lint },
    Step { name: "build", what: "the donjon program", run: build },
    Step {
        name: "tests",
        what: "tests and doc tests of every crate, the crash campaign among them",
        run: test,
    },
    Step {
        name: "machine",
        what: "tests that mount file systems: full, unmounted and crashed disks",
        run: test_machine,
    },
    Step {
        name: "postgres",
        what: "the balancer with a real PostgreSQL server",
        run: test_postgres,
    },
    Step { name: "loom", what: "the work list under every order of its threads", run: explore },
    Step { name: "docs", what: "the documentation, warnings are errors", run: document },
    Step { name: "tidy", what: "what compilers do not check", run: tidy::run },
    Step { name: "deny", what: "licences, banned crates, origins", run: deny },
    Step {
        name: "python",
        what: "the Arvados Python client against a real node",
        run: use_python_client,
    },
    Step {
        name: "conformance",
        what: "the behaviour cases of the protocol against a real node",
        run: conform,
    },
    Step { name: "demo", what: "the README's first command", run: demonstrate },
];

fn format() -> Result<(), Failure> {
    Program::cargo(&["fmt", "--all", "--", "--check"]).run()
}

fn lint() -> Result<(), Failure> {
    Program::cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ])
    .run()
}

fn build() -> Result<(), Failure> {
    Program::cargo(&["build", "--package", "donjon"]).run()
}

fn test() -> Result<(), Failure> {
    Program::cargo(&["test", "--workspace"]).run()
}

/// The crates that have such tests have a feature for them, because they need root.
fn test_machine() -> Result<(), Failure> {
    if Program::new("id").arguments(&["-u"]).output()?.trim() != "0" {
        println!("NOT RUN: only root may mount file systems; CI runs as root");
        return Ok(());
    }
    let packages = Workspace::read()?.packages;
    let with_machine_tests =
        packages.iter().filter(|package| package.features.iter().any(|name| name == MACHINE_TESTS));
    let features: Vec<String> =
        with_machine_tests.map(|package| format!("{}/{MACHINE_TESTS}", package.name)).collect();
    // The whole workspace, so that what the other tests built serves these as well.
    Program::cargo(&["test", "--workspace", "--test", "machine", "--features"])
        .arguments(&[features.join(",")])
        .run()
}

/// The tests begin a server of their own. The whole workspace, for what the other tests built.
fn test_postgres() -> Result<(), Failure> {
    let features = "donjon-balance/postgres-tests,donjon/postgres-tests";
    Program::cargo(&["test", "--workspace", "--features", features])
        .arguments(&["--test", "postgres", "--test", "postgres-memory"])
        .arguments(&["--test", "balance-database"])
        .run()
}

/// In a target directory of its own: other flags would build everything else anew each time.
fn explore() -> Result<(), Failure> {
    let directory = target().join("loom");
    Program::cargo(&[
        "test",
        "--package",
        "block-work-list",
        "--test",
        "loom",
        "--release",
        "--target-dir",
    ])
    .arguments(&[directory])
    .environment("RUSTFLAGS", "--cfg loom")
    .run()
}

fn document() -> Result<(), Failure> {
    Program::cargo(&["doc", "--workspace", "--no-deps", "--document-private-items"])
        .environment("RUSTDOCFLAGS", "-D warnings")
        .run()
}

/// Not `advisories`: their database is fetched from a place that this project's machines do not reach.
fn deny() -> Result<(), Failure> {
    Program::cargo(&[
        "deny",
        "--all-features",
        "check",
        "--hide-inclusion-graph",
        "bans",
        "licenses",
        "sources",
    ])
    .run()
}

fn use_python_client() -> Result<(), Failure> {
    Program::new(setup::python())
        .arguments(&["tests/python/roundtrip.py", "--binary"])
        .arguments(&[donjon()])
        .run()
}

fn conform() -> Result<(), Failure> {
    Program::new(donjon()).arguments(&["conformance"]).run()
}

fn demonstrate() -> Result<(), Failure> {
    Program::new(donjon()).arguments(&["demo"]).run()
}

fn donjon() -> std::path::PathBuf {
    target().join("debug/donjon")
}
