//! Every route on one screen (spec section 2.2). Parsing only: no route is carried out here.

use http::Method;
use keep_protocol::status::ListName;
use keep_rules::{BlockHash, HashPrefix};
use percent_encoding::percent_decode_str;

/// What a request asks for, behind the gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `GET /{locator}`: read a block. The locator is not parsed yet.
    Get(String),
    /// `HEAD /{locator}`: verify a block.
    Head(String),
    /// `PUT /{locator}`: store a block.
    Put(String),
    /// Something that only an administrator may do.
    Admin(AdminRoute),
    /// Something to look at under `/donjon/v1/`.
    Own(OwnRoute),
    /// Something that changes what is stored, or how the node works.
    Order(Order),
    /// `OPTIONS` of any path.
    Preflight,
    /// Nothing that this node knows: 400, whatever is wrong (spec section 2.1, layer 11).
    Unknown,
}

/// What only the bearer of `SystemRootToken` may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AdminRoute {
    /// `TOUCH /{locator}`: renew an mtime.
    Touch(String),
    /// `GET /index[/{prefix}]`: every mount.
    Index(HashPrefix),
    /// `GET /mounts/{uuid}/blocks[/{prefix}]`: one mount.
    MountIndex(String, HashPrefix),
    /// `GET /mounts`.
    Mounts,
    /// `PUT /trash`, `PUT /pull`.
    PutList(ListName),
}

/// What only the bearer of `SystemRootToken` may order. Once begun it runs to its end, though its client leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// `DELETE /{locator}`: trash now.
    Delete(String),
    /// `PUT /untrash/{locator}`.
    Untrash(String),
    /// `POST /donjon/v1/blocks/{hash}/untrash`.
    UntrashBlock(BlockHash),
    /// `DELETE /donjon/v1/lists/{list}/items/{hash}`.
    RemoveItem(ListName, BlockHash),
    /// `POST /donjon/v1/lists/{list}/pause`.
    Pause(ListName),
    /// `POST /donjon/v1/lists/{list}/resume`.
    Resume(ListName),
    /// `POST /donjon/v1/lists/{list}/cancel`.
    Cancel(ListName),
    /// `POST /donjon/v1/lists/{list}/{id}/release`.
    Release(ListName, u64),
    /// `PUT /donjon/v1/lists/{list}/settings`.
    SetSettings(ListName),
    /// `PUT /donjon/v1/freeze`.
    Freeze,
    /// `DELETE /donjon/v1/freeze`.
    Unfreeze,
}

impl Order {
    /// Whether it is told in a body what to do.
    pub(crate) fn has_a_body(&self) -> bool {
        matches!(self, Order::SetSettings(_) | Order::Freeze)
    }
}

/// What Donjon shows beside the protocol, for the bearer of the same token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OwnRoute {
    /// `GET /donjon/v1/lists/{list}`.
    ListStatus(ListName),
    /// `GET /donjon/v1/lists/{list}/items`.
    ListItems(ListName),
    /// `GET /donjon/v1/lists/{list}/outcomes`.
    ListOutcomes(ListName),
    /// `GET /donjon/v1/lists/{list}/{id}`.
    ListById(ListName, u64),
    /// `GET /donjon/v1/lists/{list}/dry-run`.
    DryStatus(ListName),
    /// `GET /donjon/v1/lists/{list}/dry-run/outcomes`.
    DryOutcomes(ListName),
    /// `GET /donjon/v1/lists/{list}/settings`.
    Settings(ListName),
    /// `GET /donjon/v1/freeze`.
    ShowFreeze,
    /// `GET /donjon/v1/ledger`.
    Ledger,
    /// `GET /donjon/v1/ledger/verify`.
    VerifyLedger,
    /// `GET /donjon/v1/blocks/{hash}`.
    Explain(BlockHash),
    /// `GET /donjon/v1/status`.
    Status,
}

impl Route {
    /// Whether it may take longer than the deadline of a request: listings of millions do (spec section 2.7), and the
    /// body of a list is limited by its own size and by the stall timeout.
    pub(crate) fn is_exempt_from_deadline(&self) -> bool {
        matches!(
            self,
            Route::Admin(
                AdminRoute::Index(_) | AdminRoute::MountIndex(..) | AdminRoute::PutList(_)
            )
        )
    }
}

/// Reads a method and a path. The path is percent-decoded once, and not cleaned.
pub(crate) fn route(method: &Method, path: &str) -> Route {
    let Ok(path) = percent_decode_str(path).decode_utf8() else { return Route::Unknown };
    let method = method.as_str();
    if let Some(own) = path.strip_prefix("/donjon/v1/")
        && method != "OPTIONS"
    {
        let segments: Vec<&str> = own.split('/').collect();
        return own_route(method, &segments).unwrap_or(Route::Unknown);
    }
    match method {
        "OPTIONS" => Route::Preflight,
        "GET" => read_route(&path, Route::Get),
        "HEAD" => read_route(&path, Route::Head),
        "PUT" => put_route(&path),
        "TOUCH" => admin(block(&path).map(AdminRoute::Touch)),
        "DELETE" => order(block(&path).map(Order::Delete)),
        _other => Route::Unknown,
    }
}

fn admin(route: Option<AdminRoute>) -> Route {
    route.map_or(Route::Unknown, Route::Admin)
}

fn order(order: Option<Order>) -> Route {
    order.map_or(Route::Unknown, Route::Order)
}

/// The routes under `/donjon/v1/`; not part of the Keep protocol.
fn own_route(method: &str, path: &[&str]) -> Option<Route> {
    if let ["lists", list, rest @ ..] = path {
        return list_route(method, named_list(list)?, rest);
    }
    match (method, path) {
        ("GET", ["status"]) => Some(Route::Own(OwnRoute::Status)),
        ("GET", ["ledger"]) => Some(Route::Own(OwnRoute::Ledger)),
        ("GET", ["ledger", "verify"]) => Some(Route::Own(OwnRoute::VerifyLedger)),
        ("GET", ["blocks", hash]) => Some(Route::Own(OwnRoute::Explain(hash.parse().ok()?))),
        ("POST", ["blocks", hash, "untrash"]) => {
            Some(Route::Order(Order::UntrashBlock(hash.parse().ok()?)))
        }
        ("GET", ["freeze"]) => Some(Route::Own(OwnRoute::ShowFreeze)),
        ("PUT", ["freeze"]) => Some(Route::Order(Order::Freeze)),
        ("DELETE", ["freeze"]) => Some(Route::Order(Order::Unfreeze)),
        _ => None,
    }
}

fn list_route(method: &str, list: ListName, path: &[&str]) -> Option<Route> {
    match (method, path) {
        ("GET", path) => list_look(list, path).map(Route::Own),
        (method, path) => list_order(method, list, path).map(Route::Order),
    }
}

fn list_look(list: ListName, path: &[&str]) -> Option<OwnRoute> {
    match path {
        [] => Some(OwnRoute::ListStatus(list)),
        ["items"] => Some(OwnRoute::ListItems(list)),
        ["outcomes"] => Some(OwnRoute::ListOutcomes(list)),
        ["dry-run"] => Some(OwnRoute::DryStatus(list)),
        ["dry-run", "outcomes"] => Some(OwnRoute::DryOutcomes(list)),
        ["settings"] => Some(OwnRoute::Settings(list)),
        [id] => id.parse().ok().map(|id| OwnRoute::ListById(list, id)),
        _ => None,
    }
}

fn list_order(method: &str, list: ListName, path: &[&str]) -> Option<Order> {
    match (method, path) {
        ("PUT", ["settings"]) => Some(Order::SetSettings(list)),
        ("DELETE", ["items", hash]) => hash.parse().ok().map(|hash| Order::RemoveItem(list, hash)),
        ("POST", ["pause"]) => Some(Order::Pause(list)),
        ("POST", ["resume"]) => Some(Order::Resume(list)),
        ("POST", ["cancel"]) => Some(Order::Cancel(list)),
        ("POST", [id, "release"]) => id.parse().ok().map(|id| Order::Release(list, id)),
        _ => None,
    }
}

fn read_route(path: &str, read: fn(String) -> Route) -> Route {
    let one_slash = path.strip_prefix('/').filter(|rest| rest.starts_with('/')).unwrap_or(path);
    if let Some(locator) = block(one_slash) {
        return read(locator);
    }
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    admin(match *segments.as_slice() {
        ["index"] => Some(AdminRoute::Index(HashPrefix::ALL)),
        ["index", prefix] => prefix.parse().ok().map(AdminRoute::Index),
        ["mounts"] => Some(AdminRoute::Mounts),
        ["mounts", uuid, "blocks"] => {
            Some(AdminRoute::MountIndex(uuid.to_owned(), HashPrefix::ALL))
        }
        ["mounts", uuid, "blocks", prefix] => {
            prefix.parse().ok().map(|prefix| AdminRoute::MountIndex(uuid.to_owned(), prefix))
        }
        [..] => None,
    })
}

fn named_list(name: &str) -> Option<ListName> {
    ListName::ALL.into_iter().find(|list| list.as_str() == name)
}

fn put_route(path: &str) -> Route {
    match path {
        "/trash" => Route::Admin(AdminRoute::PutList(ListName::Trash)),
        "/pull" => Route::Admin(AdminRoute::PutList(ListName::Pull)),
        other => match other.strip_prefix("/untrash").map(block) {
            Some(locator) => order(locator.map(Order::Untrash)),
            None => block(other).map_or(Route::Unknown, Route::Put),
        },
    }
}

/// `/`, a hash, and anything but a line feed (spec section 1, first layer).
fn block(path: &str) -> Option<String> {
    let text = path.strip_prefix('/')?;
    keep_rules::locator::route_matches(text).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOO: &str = "acbd18db4cc2f85cedef654fccc4a4d8";

    #[track_caller]
    fn check(method: &str, path: &str, expected: Route) {
        assert_eq!(route(&method.parse().unwrap(), path), expected, "{method} {path}");
    }

    #[test]
    fn blocks() {
        check("GET", &format!("/{FOO}+3"), Route::Get(format!("{FOO}+3")));
        check("GET", &format!("//{FOO}%2B3"), Route::Get(format!("{FOO}+3")));
        check("HEAD", &format!("//{FOO}"), Route::Head(FOO.into()));
        check("PUT", &format!("/{FOO}"), Route::Put(FOO.into()));
        check("PUT", &format!("/untrash/{FOO}"), Route::Order(Order::Untrash(FOO.into())));
        check("TOUCH", &format!("/{FOO}"), Route::Admin(AdminRoute::Touch(FOO.into())));
        check("DELETE", &format!("/{FOO}"), Route::Order(Order::Delete(FOO.into())));
    }

    #[test]
    fn what_is_no_block_is_unknown() {
        for path in [
            "/xyz",
            &format!("/{}", &FOO[1..]),
            &format!("/{}", FOO.to_uppercase()),
            &format!("/{FOO}%0A"),
        ] {
            check("GET", path, Route::Unknown);
        }
        check("PUT", &format!("//{FOO}"), Route::Unknown);
        check("POST", &format!("/{FOO}"), Route::Unknown);
        check("PATCH", &format!("/{FOO}"), Route::Unknown);
        check("GET", &format!("///{FOO}"), Route::Unknown);
    }

    #[test]
    fn listings() {
        let acb: HashPrefix = "acb".parse().unwrap();
        check("GET", "/index", Route::Admin(AdminRoute::Index(HashPrefix::ALL)));
        check("GET", "/index/", Route::Admin(AdminRoute::Index(HashPrefix::ALL)));
        check("HEAD", "/index/acb", Route::Admin(AdminRoute::Index(acb)));
        check("GET", "/index/XYZ", Route::Unknown);
        check("GET", &format!("/index/{FOO}0"), Route::Unknown);
        check("GET", "//index", Route::Unknown);
        check("GET", "/mounts", Route::Admin(AdminRoute::Mounts));
        check("GET", "/mounts/m/blocks/acb", Route::Admin(AdminRoute::MountIndex("m".into(), acb)));
        check("GET", "//mounts", Route::Unknown);
    }

    #[test]
    fn lists() {
        check("PUT", "/trash", Route::Admin(AdminRoute::PutList(ListName::Trash)));
        check("PUT", "/pull", Route::Admin(AdminRoute::PutList(ListName::Pull)));
        check("PUT", "/pull/", Route::Unknown);
        check("GET", "/trash", Route::Unknown);
        check(
            "GET",
            "/donjon/v1/lists/pull/items",
            Route::Own(OwnRoute::ListItems(ListName::Pull)),
        );
        check("GET", "/donjon/v1/lists/other", Route::Unknown);
    }

    #[test]
    fn steering() {
        let hash: BlockHash = FOO.parse().unwrap();
        let lists = "/donjon/v1/lists/trash";
        check("POST", &format!("{lists}/pause"), Route::Order(Order::Pause(ListName::Trash)));
        check("GET", &format!("{lists}/7"), Route::Own(OwnRoute::ListById(ListName::Trash, 7)));
        check(
            "POST",
            &format!("{lists}/7/release"),
            Route::Order(Order::Release(ListName::Trash, 7)),
        );
        let remove = Route::Order(Order::RemoveItem(ListName::Trash, hash));
        check("DELETE", &format!("{lists}/items/{FOO}"), remove);
        check("DELETE", "/donjon/v1/freeze", Route::Order(Order::Unfreeze));
        check(
            "PUT",
            &format!("{lists}/settings"),
            Route::Order(Order::SetSettings(ListName::Trash)),
        );
        check("DELETE", &format!("{lists}/items/xyz"), Route::Unknown);
        check("PATCH", "/donjon/v1/freeze", Route::Unknown);
    }

    #[test]
    fn old_routes_are_gone() {
        check("GET", "/status.json", Route::Unknown);
        check("GET", "/debug.json", Route::Unknown);
        check("OPTIONS", "/anything", Route::Preflight);
    }
}
