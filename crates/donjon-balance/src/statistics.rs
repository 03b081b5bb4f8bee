//! What a run counted, as JSON for plans and scripts (`spec/keep-balance.md` sections 3.4 and 5.4).

use keep_rules::balance::{Category, KeepReason, Statistics, Usage, WishBook};
use keep_rules::brake::RunSize;
use serde_json::{Map, Value, json};

/// The sums of a run, by the names of the metrics.
pub fn as_json(sums: &Statistics, book: &WishBook, size: &RunSize) -> Map<String, Value> {
    let mut map = Map::new();
    map.insert("collections".to_owned(), size.collections.into());
    map.insert("wanted_blocks".to_owned(), size.wanted_blocks.into());
    map.insert("replicas".to_owned(), size.replicas.into());
    map.insert("bytes".to_owned(), size.bytes.into());
    map.insert("total".to_owned(), usage(sums.total()));
    map.insert("desired".to_owned(), usage(sums.desired()));
    map.insert("unachievable".to_owned(), usage(sums.unachievable()));
    map.insert("sizes_differ".to_owned(), usage(sums.sizes_differ()));
    for category in Category::ALL {
        map.insert(category.as_str().to_owned(), usage(sums.category(category)));
    }
    let kept = KeepReason::ALL
        .iter()
        .map(|reason| (reason.as_str().to_owned(), sums.kept(*reason).into()));
    map.insert("kept".to_owned(), Value::Object(kept.collect()));
    map.insert("replicated_blocks".to_owned(), sums.histogram().into());
    map.insert("classes".to_owned(), classes(sums, book));
    map
}

fn classes(sums: &Statistics, book: &WishBook) -> Value {
    let unknown: Vec<_> = book.unknown_classes().map(|(class, _)| class).collect();
    let classes = book.numbered_classes().map(|(class, name)| {
        let used = sums.class(class);
        let shown = json!({
            "offered": !unknown.contains(&class),
            "wanted": usage(used.wanted),
            "needed": usage(used.needed),
            "unneeded": usage(used.unneeded),
            "pulling": usage(used.pulling),
            "unachievable": usage(used.unachievable),
        });
        (name.to_string(), shown)
    });
    Value::Object(classes.collect())
}

fn usage(usage: Usage) -> Value {
    json!({ "blocks": usage.blocks, "replicas": usage.replicas, "bytes": usage.bytes })
}
