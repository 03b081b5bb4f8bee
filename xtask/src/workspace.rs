//! What cargo knows of our crates.

use std::path::PathBuf;

use serde_json::Value;

use crate::command::{Failure, Program, root};

/// The crates of this workspace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Workspace {
    pub(crate) packages: Vec<Package>,
}

/// One crate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) manifest: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) features: Vec<String>,
}

/// One line of a crate's dependencies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) use_: Use,
    pub(crate) origin: Origin,
}

/// What a crate uses a dependency for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// What is shipped needs it.
    Shipped,
    /// Only tests, benchmarks and examples need it.
    Tests,
}

/// Where a dependency comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It is a crate of this workspace.
    Ours,
    /// It is somebody else's.
    Theirs,
}

impl Workspace {
    /// Asks cargo.
    pub(crate) fn read() -> Result<Self, Failure> {
        let json = Program::cargo(&["metadata", "--no-deps", "--format-version", "1"]).output()?;
        let metadata = serde_json::from_str(&json)
            .map_err(|error| Failure::Failed(format!("`cargo metadata` wrote no JSON: {error}")))?;
        Self::from_metadata(&metadata)
            .ok_or_else(|| Failure::failed("`cargo metadata` wrote something unknown"))
    }

    fn from_metadata(metadata: &Value) -> Option<Self> {
        let packages =
            metadata["packages"].as_array()?.iter().map(package).collect::<Option<_>>()?;
        Some(Self { packages })
    }

    /// The folders of the crates, relative to the root.
    pub(crate) fn folders(&self) -> impl Iterator<Item = PathBuf> {
        self.packages.iter().filter_map(|package| {
            let folder = package.manifest.parent()?;
            Some(folder.strip_prefix(root()).unwrap_or(folder).to_owned())
        })
    }
}

fn package(package: &Value) -> Option<Package> {
    Some(Package {
        name: package["name"].as_str()?.to_owned(),
        description: package["description"].as_str().map(str::to_owned),
        manifest: package["manifest_path"].as_str()?.into(),
        dependencies: package["dependencies"]
            .as_array()?
            .iter()
            .map(dependency)
            .collect::<Option<_>>()?,
        features: package["features"].as_object()?.keys().cloned().collect(),
    })
}

fn dependency(dependency: &Value) -> Option<Dependency> {
    Some(Dependency {
        name: dependency["name"].as_str()?.to_owned(),
        use_: if dependency["kind"] == "dev" { Use::Tests } else { Use::Shipped },
        origin: if dependency["path"].is_string() { Origin::Ours } else { Origin::Theirs },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_understood() {
        let metadata = serde_json::json!({ "packages": [{
            "name": "one", "description": "What one is.", "manifest_path": "/w/one/Cargo.toml",
            "features": { "extra": [] },
            "dependencies": [
                { "name": "two", "kind": null, "path": "/w/two" },
                { "name": "three", "kind": "dev" },
            ],
        }] });
        let workspace = Workspace::from_metadata(&metadata).unwrap();
        assert_eq!(workspace.packages[0].features, ["extra"]);
        assert_eq!(
            workspace.packages[0].dependencies,
            [
                Dependency { name: "two".to_owned(), use_: Use::Shipped, origin: Origin::Ours },
                Dependency { name: "three".to_owned(), use_: Use::Tests, origin: Origin::Theirs },
            ]
        );
    }
}
