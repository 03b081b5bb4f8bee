//! Which crate may use which: one way, from the rules to the program.

use crate::tidy::Problem;
use crate::workspace::{Origin, Package, Use, Workspace};

/// Every crate, and which of ours what it ships may use. A new crate needs a row here and one in `ARCHITECTURE.md`.
const ARROWS: [(&str, &[&str]); 16] = [
    ("block-work-list", &[]),
    ("keep-rules", &[]),
    ("keep-protocol", &["keep-rules"]),
    ("keep-volume", &["keep-rules"]),
    ("ledger", &["keep-rules"]),
    ("list-store", &["keep-protocol", "keep-rules"]),
    ("keep-conformance", &["keep-rules"]),
    (
        "donjon-node",
        &["block-work-list", "keep-protocol", "keep-rules", "keep-volume", "ledger", "list-store"],
    ),
    ("keep-manifest", &["keep-rules"]),
    ("manifest-store", &["keep-manifest", "keep-rules"]),
    ("donjon-files", &["keep-manifest", "keep-protocol", "keep-rules"]),
    ("donjon-balance", &["keep-manifest", "keep-protocol", "keep-rules", "manifest-store"]),
    (
        "donjon",
        &[
            "donjon-balance",
            "donjon-files",
            "donjon-node",
            "keep-conformance",
            "keep-manifest",
            "keep-protocol",
            "keep-rules",
            "ledger",
            "manifest-store",
        ],
    ),
    ("testkit", &["block-work-list", "keep-protocol", "keep-rules", "keep-volume"]),
    ("donjon-crash", &[]),
    ("xtask", &[]),
];
/// Crates that only tests and benchmarks of others may use.
const TEST_ONLY: [&str; 2] = ["testkit", "donjon-crash"];

/// Every arrow that must not be.
pub(crate) fn check(workspace: &Workspace) -> Vec<Problem> {
    workspace.packages.iter().flat_map(check_package).collect()
}

fn check_package(package: &Package) -> Vec<Problem> {
    let place = format!("crate {}", package.name);
    let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == package.name) else {
        return vec![Problem::new(
            place,
            "has no row in xtask/src/tidy/arrows.rs: say there which of ours it may use",
        )];
    };
    let ours = package.dependencies.iter().filter(|dependency| dependency.origin == Origin::Ours);
    ours.filter(|dependency| match dependency.use_ {
        Use::Shipped => !allowed.contains(&dependency.name.as_str()),
        Use::Tests => {
            !allowed.contains(&dependency.name.as_str())
                && !TEST_ONLY.contains(&dependency.name.as_str())
        }
    })
    .map(|dependency| {
        Problem::new(
            &place,
            format!("must not use {} (arrows go one way: ARCHITECTURE.md)", dependency.name),
        )
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    #[track_caller]
    fn check(crate_name: &str, uses: &str, use_: Use, origin: Origin, problems: usize) {
        let dependency = Dependency { name: uses.to_owned(), use_, origin };
        let package = Package {
            name: crate_name.to_owned(),
            dependencies: vec![dependency],
            ..Package::default()
        };
        assert_eq!(check_package(&package).len(), problems);
    }

    #[test]
    fn arrows_go_one_way() {
        check("keep-volume", "keep-rules", Use::Shipped, Origin::Ours, 0);
        check("keep-rules", "keep-volume", Use::Shipped, Origin::Ours, 1);
    }

    #[test]
    fn the_work_list_uses_nothing_of_ours() {
        check("block-work-list", "keep-rules", Use::Shipped, Origin::Ours, 1);
        check("block-work-list", "event-listener", Use::Shipped, Origin::Theirs, 0);
    }

    #[test]
    fn the_testkit_is_for_tests() {
        check("keep-volume", "testkit", Use::Tests, Origin::Ours, 0);
        check("keep-volume", "testkit", Use::Shipped, Origin::Ours, 1);
    }

    #[test]
    fn a_crate_without_a_row_is_a_problem() {
        check("donjon-new", "keep-rules", Use::Shipped, Origin::Ours, 1);
    }
}
