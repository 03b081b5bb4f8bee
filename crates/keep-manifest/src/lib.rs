//! Arvados manifests: read strictly and as a stream, written in normal form, named by their portable data hash.
