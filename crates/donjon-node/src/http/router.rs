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
    /// Something under `/donjon/v1/`.
    Own(OwnRoute),
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
    /// `DELETE /{locator}`: trash now.
    Delete(String),
    /// `PUT /untrash/{locator}`.
    Untrash(String),
    /// `GET /index[/{prefix}]`: every mount.
    Index(HashPrefix),
    /// `GET /mounts/{uuid}/blocks[/{prefix}]`: one mount.
    MountIndex(String, HashPrefix),
    /// `GET /mounts`.
    Mounts,
    /// `PUT /trash`, `PUT /pull`.
    PutList(ListName),
}

/// What Donjon has beside the protocol, for the bearer of the same token.
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
    /// `GET /donjon/v1/lists/{list}/settings`.
    Settings(ListName),
    /// `PUT /donjon/v1/lists/{list}/settings`.
    SetSettings(ListName),
    /// `GET /donjon/v1/freeze`.
    ShowFreeze,
    /// `PUT /donjon/v1/freeze`.
    Freeze,
    /// `DELETE /donjon/v1/freeze`.
    Unfreeze,
    /// `GET /donjon/v1/ledger`.
    Ledger,
    /// `GET /donjon/v1/ledger/verify`.
    VerifyLedger,
    /// `GET /donjon/v1/blocks/{hash}`.
    Explain(BlockHash),
    /// `POST /donjon/v1/blocks/{hash}/untrash`.
    UntrashBlock(BlockHash),
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
        return own_route(method, &segments).map_or(Route::Unknown, Route::Own);
    }
    match method {
        "OPTIONS" => Route::Preflight,
        "GET" => read_route(&path, Route::Get),
        "HEAD" => read_route(&path, Route::Head),
        "PUT" => put_route(&path),
        "TOUCH" => admin(block(&path).map(AdminRoute::Touch)),
        "DELETE" => admin(block(&path).map(AdminRoute::Delete)),
        _other => Route::Unknown,
    }
}

fn admin(route: Option<AdminRoute>) -> Route {
    route.map_or(Route::Unknown, Route::Admin)
}

/// The routes under `/donjon/v1/`; not part of the Keep protocol.
fn own_route(method: &str, path: &[&str]) -> Option<OwnRoute> {
    if let ["lists", list, rest @ ..] = path {
        return list_route(method, named_list(list)?, rest);
    }
    match (method, path) {
        ("GET", ["status"]) => Some(OwnRoute::Status),
        ("GET", ["ledger"]) => Some(OwnRoute::Ledger),
        ("GET", ["ledger", "verify"]) => Some(OwnRoute::VerifyLedger),
        ("GET", ["blocks", hash]) => hash.parse().ok().map(OwnRoute::Explain),
        ("POST", ["blocks", hash, "untrash"]) => hash.parse().ok().map(OwnRoute::UntrashBlock),
        ("GET", ["freeze"]) => Some(OwnRoute::ShowFreeze),
        ("PUT", ["freeze"]) => Some(OwnRoute::Freeze),
        ("DELETE", ["freeze"]) => Some(OwnRoute::Unfreeze),
        _ => None,
    }
}

fn list_route(method: &str, list: ListName, path: &[&str]) -> Option<OwnRoute> {
    match (method, path) {
        ("GET", []) => Some(OwnRoute::ListStatus(list)),
        ("GET", ["items"]) => Some(OwnRoute::ListItems(list)),
        ("GET", ["outcomes"]) => Some(OwnRoute::ListOutcomes(list)),
        ("GET", ["dry-run"]) => Some(OwnRoute::DryStatus(list)),
        ("GET", ["dry-run", "outcomes"]) => Some(OwnRoute::DryOutcomes(list)),
        ("GET", ["settings"]) => Some(OwnRoute::Settings(list)),
        ("PUT", ["settings"]) => Some(OwnRoute::SetSettings(list)),
        ("DELETE", ["items", hash]) => {
            hash.parse().ok().map(|hash| OwnRoute::RemoveItem(list, hash))
        }
        ("POST", ["pause"]) => Some(OwnRoute::Pause(list)),
        ("POST", ["resume"]) => Some(OwnRoute::Resume(list)),
        ("POST", ["cancel"]) => Some(OwnRoute::Cancel(list)),
        ("POST", [id, "release"]) => id.parse().ok().map(|id| OwnRoute::Release(list, id)),
        ("GET", [id]) => id.parse().ok().map(|id| OwnRoute::ListById(list, id)),
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
            Some(locator) => admin(locator.map(AdminRoute::Untrash)),
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
        check("PUT", &format!("/untrash/{FOO}"), Route::Admin(AdminRoute::Untrash(FOO.into())));
        check("TOUCH", &format!("/{FOO}"), Route::Admin(AdminRoute::Touch(FOO.into())));
        check("DELETE", &format!("/{FOO}"), Route::Admin(AdminRoute::Delete(FOO.into())));
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
        check("POST", &format!("{lists}/pause"), Route::Own(OwnRoute::Pause(ListName::Trash)));
        check("GET", &format!("{lists}/7"), Route::Own(OwnRoute::ListById(ListName::Trash, 7)));
        check(
            "POST",
            &format!("{lists}/7/release"),
            Route::Own(OwnRoute::Release(ListName::Trash, 7)),
        );
        let remove = Route::Own(OwnRoute::RemoveItem(ListName::Trash, hash));
        check("DELETE", &format!("{lists}/items/{FOO}"), remove);
        check("DELETE", "/donjon/v1/freeze", Route::Own(OwnRoute::Unfreeze));
        check(
            "PUT",
            &format!("{lists}/settings"),
            Route::Own(OwnRoute::SetSettings(ListName::Trash)),
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
