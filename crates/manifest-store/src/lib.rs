//! A directory of manifests that can say of itself that it is complete: collections are published, listed and removed.
