//! A data directory of the node's own: set up once, loaded like any configuration ever after.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use donjon_node::config::{
    ConfigSource, DATA_CONFIG_FILE, DATA_VOLUME_DIR, Driver, Environment, Loaded, load,
};

fn start(dir: &Path) -> Result<Loaded, String> {
    load(&ConfigSource::Data(dir.to_owned()), &Environment::default())
        .map_err(|error| error.to_string())
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it exists").permissions().mode() & 0o777
}

fn names(dir: &Path) -> Vec<String> {
    let entries: Result<Vec<_>, _> = fs::read_dir(dir).and_then(Iterator::collect);
    let names = entries
        .expect("a directory")
        .into_iter()
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn a_new_directory_is_set_up() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("a");
    let loaded = start(&dir).unwrap();
    assert_eq!(names(&dir), [DATA_CONFIG_FILE, DATA_VOLUME_DIR]);
    assert_eq!((mode(&dir), mode(&dir.join(DATA_VOLUME_DIR))), (0o700, 0o700));
    assert_eq!(mode(&dir.join(DATA_CONFIG_FILE)), 0o600);
    assert_eq!(loaded.warnings, []);
    let config = loaded.config;
    assert_eq!(config.tokens.system_root.as_str().len(), 50);
    assert!(config.tokens.management.is_some());
    assert!(config.signing.key().is_some());
    assert_eq!(config.candidates[0].listen.to_string(), "http://127.0.0.1:25107/");
    let volumes = config.volumes.served_by(&config.candidates[0].internal_url).unwrap();
    let Driver::Directory { root, .. } = &volumes[0].driver;
    assert_eq!(*root, dir.canonicalize().unwrap().join(DATA_VOLUME_DIR));
    assert_eq!(volumes[0].uuid.as_str().len(), 27);
}

#[test]
fn the_next_start_finds_the_same_tokens() {
    let parent = tempfile::tempdir().unwrap();
    let (first, second) = (start(parent.path()).unwrap(), start(parent.path()).unwrap());
    assert_eq!(first.config.tokens.system_root, second.config.tokens.system_root);
    assert_eq!(first.source.sha256, second.source.sha256);
}

#[test]
fn every_directory_gets_tokens_and_volumes_of_its_own() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (one, two) = (start(one.path()).unwrap().config, start(two.path()).unwrap().config);
    assert_ne!(one.tokens.system_root, two.tokens.system_root);
    let uuid = |config: &donjon_node::config::Config| {
        config.volumes.served_by(&config.candidates[0].internal_url).unwrap()[0].uuid.clone()
    };
    assert_ne!(uuid(&one), uuid(&two));
}

#[test]
fn another_address_serves_the_same_volume() {
    let parent = tempfile::tempdir().unwrap();
    let environment = Environment::default().listening(Some("127.0.0.1:0".into()));
    let loaded = load(&ConfigSource::Data(parent.path().to_owned()), &environment).unwrap();
    assert_eq!(loaded.warnings, []);
    let candidate = &loaded.config.candidates[0];
    assert_eq!(candidate.listen.to_string(), "http://127.0.0.1:0/");
    assert_eq!(loaded.config.volumes.served_by(&candidate.internal_url).unwrap().len(), 1);
}

#[test]
fn the_first_address_of_the_command_line_stays() {
    let kept = |listen: &str| {
        let parent = tempfile::tempdir().unwrap();
        let data = ConfigSource::Data(parent.path().to_owned());
        let first = load(&data, &Environment::default().listening(Some(listen.into())));
        assert_eq!(first.is_ok(), !listen.starts_with("https"), "there is no certificate");
        start(parent.path()).unwrap().config.candidates[0].listen.to_string()
    };
    assert_eq!(kept("127.0.0.1:9"), "http://127.0.0.1:9/");
    assert_eq!(kept("http://[::1]:9"), "http://[::1]:9/");
    let default = "http://127.0.0.1:25107/";
    assert_eq!(kept("127.0.0.1:0"), default, "port 0 is another one each time");
    assert_eq!(kept("https://127.0.0.1:9"), default, "it does not stand in the way for ever");
}

#[test]
fn a_later_address_changes_no_file() {
    let parent = tempfile::tempdir().unwrap();
    let before = start(parent.path()).unwrap();
    let later = Environment::default().listening(Some("127.0.0.1:9".into()));
    load(&ConfigSource::Data(parent.path().to_owned()), &later).unwrap();
    assert_eq!(start(parent.path()).unwrap().source.sha256, before.source.sha256);
}

#[test]
fn a_path_or_an_address_with_a_mistake_makes_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("no/such/tree");
    let expected = format!(
        "data directory {}: the directory above it does not exist; correct the path, or make that directory first",
        dir.display()
    );
    assert_eq!(start(&dir).unwrap_err(), expected);
    let environment = Environment::default().listening(Some("a b".into()));
    let data = ConfigSource::Data(parent.path().join("data"));
    let error = load(&data, &environment).unwrap_err().to_string();
    assert!(error.contains("--listen: \"http://a b\" is not the URL of a service"), "{error}");
    assert_eq!(names(parent.path()), Vec::<String>::new());
}

#[test]
fn a_missing_volume_is_not_made_again() {
    let parent = tempfile::tempdir().unwrap();
    start(parent.path()).unwrap();
    fs::remove_dir(parent.path().join(DATA_VOLUME_DIR)).unwrap();
    start(parent.path()).unwrap();
    assert_eq!(names(parent.path()), [DATA_CONFIG_FILE]);
}

#[test]
fn a_directory_of_somebody_else_is_left_alone() {
    let check = |make: &dyn Fn(&Path)| {
        let parent = tempfile::tempdir().unwrap();
        make(parent.path());
        let before = names(parent.path());
        let expected = format!(
            "data directory {}: it has other files but no donjon.yml, so it is not the node's; name an empty or a new directory",
            parent.path().display()
        );
        assert_eq!(start(parent.path()).unwrap_err(), expected);
        assert_eq!(names(parent.path()), before);
    };
    check(&|dir| fs::write(dir.join("thesis.txt"), "").unwrap());
    // A volume with blocks, but the tokens are gone: not to be taken for a new one.
    check(&|dir| fs::create_dir_all(dir.join(DATA_VOLUME_DIR).join("acb")).unwrap());
}

#[test]
fn a_first_start_that_was_killed_is_begun_anew() {
    let parent = tempfile::tempdir().unwrap();
    fs::create_dir(parent.path().join(DATA_VOLUME_DIR)).unwrap();
    fs::write(parent.path().join("donjon.yml.unfinished"), "Clusters: {do").unwrap();
    start(parent.path()).unwrap();
    assert_eq!(names(parent.path()), [DATA_CONFIG_FILE, DATA_VOLUME_DIR]);
}

#[test]
fn first_starts_at_the_same_time_agree() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("data");
    let starts: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..8).map(|_| scope.spawn(|| start(&dir).unwrap().source.sha256)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(starts.iter().all(|sha256| *sha256 == starts[0]), "{starts:?}");
}

#[test]
fn a_file_in_the_way_is_an_error() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("file");
    fs::write(&path, "").unwrap();
    let error = start(&path).unwrap_err();
    assert_eq!(
        error,
        format!("data directory {}: cannot make it: File exists (os error 17)", path.display())
    );
}
