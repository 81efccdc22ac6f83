//! A command line as a person writes it in a setting: words, with quotes around those that hold spaces.

/// The words, or what is wrong.
pub(crate) fn words(text: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in text.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed");
    }
    words.extend(word);
    if words.is_empty() { Err("there is no command") } else { Ok(words) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_spaces_can_be_written() {
        assert_eq!(words("ipfs daemon --migrate").expect("words"), ["ipfs", "daemon", "--migrate"]);
        assert_eq!(words("  '/opt/my ipfs/ipfs'  daemon ''").expect("words"), ["/opt/my ipfs/ipfs", "daemon", ""]);
        assert_eq!(words(r#"env IPFS_PATH="/a b"/c ipfs"#).expect("words"), ["env", "IPFS_PATH=/a b/c", "ipfs"]);
        assert!(words("ipfs 'daemon").is_err() && words("  ").is_err());
    }
}
