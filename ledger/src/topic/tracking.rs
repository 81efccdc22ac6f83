//! Query parameters that say how a reader came to a page, not which page it is.

/// Names that begin so are dropped: Google Analytics' and Matomo's campaign parameters.
const PREFIXES: [&str; 2] = ["mtm_", "utm_"];

/// Names that are dropped, in lower case and sorted. A name belongs here only if a click or mail tracker adds it to
/// addresses that are not its own, and if no well-known site gives it a meaning; `ref`, `source` and `si` do not
/// belong here.
const NAMES: [&str; 49] = [
    "__hsfp",
    "__hssc",
    "__hstc",
    "__s",
    "_branch_match_id",
    "_branch_referrer",
    "_ga",
    "_gl",
    "_hsenc",
    "_hsmi",
    "_openstat",
    "dclid",
    "epik",
    "fbclid",
    "gad_campaignid",
    "gad_source",
    "gbraid",
    "gclid",
    "gclsrc",
    "hsctatracking",
    "igsh",
    "igshid",
    "irclickid",
    "li_fat_id",
    "mc_cid",
    "mc_eid",
    "mkt_tok",
    "ml_subscriber",
    "ml_subscriber_hash",
    "msclkid",
    "oly_anon_id",
    "oly_enc_id",
    "pk_campaign",
    "pk_content",
    "pk_keyword",
    "pk_kwd",
    "pk_medium",
    "pk_source",
    "rb_clickid",
    "rdt_cid",
    "sccid",
    "srsltid",
    "ttclid",
    "twclid",
    "vero_conv",
    "vero_id",
    "wbraid",
    "yclid",
    "ysclid",
];

/// Whether a parameter of this name (its percent-encoding already normalised) is dropped.
pub(super) fn is_tracking(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || NAMES.binary_search(&name.as_str()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_out_of_order_would_not_be_found() {
        assert!(NAMES.is_sorted());
        assert!(NAMES.iter().all(|name| is_tracking(name)));
    }

    #[test]
    fn a_name_in_upper_case_is_dropped_too_and_a_longer_one_is_not() {
        assert!(is_tracking("UTM_Source") && is_tracking("hsCtaTracking"));
        assert!(!is_tracking("gclidx") && !is_tracking("utm") && !is_tracking("page"));
    }
}
