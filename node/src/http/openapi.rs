//! The description of the API, made from the handlers themselves.

use axum::Json;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use super::{attach, entries, events, import, ipfs, metrics, status, topics, transfer, write};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tidings",
        description = "Read and write the ledgers that a node holds. Reading is open to whoever reaches the address; \
            writing needs the token, or an entry that is signed already. Errors are `{\"error\": {code, message, hint}}`."
    ),
    paths(
        topics::list, topics::show, topics::follow, topics::unfollow, topics::audit,
        entries::list, entries::thread, entries::show, write::append, write::submit,
        transfer::topic, transfer::everything, transfer::import, attach::attach, import::import, events::listen,
        status::status, status::peers, status::dial, status::healthz, status::readyz, metrics::metrics,
        ipfs::root, ipfs::below, document,
    ),
    tags(
        (name = "topics", description = "What is discussed"),
        (name = "entries", description = "What was said"),
        (name = "content", description = "Everything by its content id"),
        (name = "node", description = "How the node is doing"),
    ),
    modifiers(&Token)
)]
struct Api;

struct Token;

impl utoipa::Modify for Token {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        api.components.get_or_insert_with(Default::default).add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// This description
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "node", responses((status = 200, body = Object)))]
pub(crate) async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(describe())
}

/// The description as a value.
pub(crate) fn describe() -> utoipa::openapi::OpenApi {
    Api::openapi()
}
