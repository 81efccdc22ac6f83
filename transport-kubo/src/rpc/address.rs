//! Where a daemon's RPC is: a URL, or a multiaddress as in the file `api` of an IPFS folder.

use url::Url;

use crate::error::StartError;

/// A daemon's RPC, and what opens it.
#[derive(Clone)]
pub(crate) struct Address {
    base: Url,
    /// The value of the header `Authorization`.
    pub(crate) authorization: Option<String>,
}

impl Address {
    /// Reads what the user wrote, and the secret of the daemon's `API.Authorizations`, as `bearer:TOKEN` or
    /// `basic:USER:PASSWORD`; empty for none.
    pub(crate) fn parse(api: &str, secret: &str) -> Result<Self, StartError> {
        let wrong = |reason: &str| StartError::Address { address: api.to_owned(), reason: reason.to_owned() };
        let text = if api.starts_with('/') {
            of_multiaddress(api)
                .ok_or_else(|| wrong("of multiaddresses /ip4/…/tcp/…, /ip6/…/tcp/… and /dns…/…/tcp/… are understood"))?
        } else {
            api.to_owned()
        };
        let mut base = Url::parse(&text).map_err(|error| wrong(&error.to_string()))?;
        match base.scheme() {
            "http" => {}
            "https" => {
                return Err(wrong("TLS is not spoken here; keep the RPC on loopback, or put a tunnel in between"));
            }
            _ => return Err(wrong("it must begin with http://")),
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(wrong("put the secret into its own setting, as basic:USER:PASSWORD, not into the address"));
        }
        if base.host_str().is_none() || base.query().is_some() || base.fragment().is_some() {
            return Err(wrong("a host and a port are wanted, and no more"));
        }
        let path = base.path().trim_end_matches('/').trim_end_matches("/api/v0").to_owned();
        base.set_path(&format!("{path}/api/v0/"));
        Ok(Address { base, authorization: authorization(secret)? })
    }

    /// The URL of a command.
    pub(crate) fn command(&self, command: &str, arguments: &[(&str, String)]) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{command}", self.base.path()));
        if !arguments.is_empty() {
            url.query_pairs_mut().extend_pairs(arguments);
        }
        url
    }

    /// As it may be shown.
    pub(crate) fn shown(&self) -> String {
        self.base.as_str().trim_end_matches("/api/v0/").to_owned()
    }
}

fn of_multiaddress(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split('/').skip(1).collect();
    let (kind, host, port) = match parts.as_slice() {
        [kind, host, "tcp", port] | [kind, host, "tcp", port, "http"] => (*kind, *host, *port),
        _ => return None,
    };
    let _: u16 = port.parse().ok()?;
    match kind {
        "ip4" | "dns" | "dns4" | "dns6" => Some(format!("http://{host}:{port}")),
        "ip6" => Some(format!("http://[{host}]:{port}")),
        _ => None,
    }
}

fn authorization(secret: &str) -> Result<Option<String>, StartError> {
    let wrong = || StartError::Config("the secret of the Kubo API is bearer:TOKEN or basic:USER:PASSWORD".to_owned());
    let visible = |text: &str| !text.is_empty() && text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    match secret.split_once(':') {
        None if secret.is_empty() => Ok(None),
        Some(("bearer", token)) if visible(token) => Ok(Some(format!("Bearer {token}"))),
        Some(("basic", pair)) if pair.contains(':') => {
            Ok(Some(format!("Basic {}", data_encoding::BASE64.encode(pair.as_bytes()))))
        }
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(api: &str) -> String {
        Address::parse(api, "").expect("an address").command("id", &[]).to_string()
    }

    #[test]
    fn every_usual_way_of_writing_the_address_leads_to_the_api() {
        for api in [
            "http://127.0.0.1:5001",
            "http://127.0.0.1:5001/",
            "http://127.0.0.1:5001/api/v0",
            "http://127.0.0.1:5001/api/v0/",
            "/ip4/127.0.0.1/tcp/5001",
        ] {
            assert_eq!(base(api), "http://127.0.0.1:5001/api/v0/id", "{api}");
        }
        assert_eq!(base("/ip6/::1/tcp/5001"), "http://[::1]:5001/api/v0/id");
        assert_eq!(base("http://proxy/ipfs"), "http://proxy/ipfs/api/v0/id");
    }

    #[test]
    fn a_wrong_address_is_refused_with_what_to_write() {
        for (api, word) in [
            ("https://127.0.0.1:5001", "TLS"),
            ("127.0.0.1:5001", ""),
            ("ftp://x", "http://"),
            ("/unix/tmp/x", "/ip4/"),
            ("/ip4/127.0.0.1/tcp/99999", "/ip4/"),
            ("http://me:secret@127.0.0.1:5001", "basic:"),
        ] {
            let error = Address::parse(api, "").err().expect("refused").to_string();
            assert!(error.contains(word) && error.contains(api), "{api}: {error}");
        }
        assert!(Address::parse("http://x", "token").is_err());
    }

    #[test]
    fn arguments_cannot_break_out_of_their_place() {
        let url =
            Address::parse("http://x", "").expect("an address").command("block/get", &[("arg", "a&b=c/#".into())]);
        assert_eq!(url.as_str(), "http://x/api/v0/block/get?arg=a%26b%3Dc%2F%23");
    }
}
