//! What a client sends, as JSON: frames in bounded memory. Pure.

use serde_json::Value;

use super::png_text;

/// How many values a message may have: each takes many times the memory that it has on the wire.
pub(super) const VALUES_MAX: usize = 1_000_000;

/// How often a message may be wrapped in another, as PNG or fragments.
pub(super) const WRAPS_MAX: usize = 2;

/// Reads a text frame.
pub(super) fn read_text(text: &str) -> Result<Value, String> {
    // Where a value follows another one, there is a comma.
    let values = text.bytes().filter(|byte| *byte == b',').take(VALUES_MAX).count();
    if values >= VALUES_MAX {
        return Err(format!(
            "a message may have at most {VALUES_MAX} values, this one has more; send octets as base64"
        ));
    }
    serde_json::from_str(text).map_err(|error| format!("expected a message in JSON: {error}"))
}

/// Reads a binary frame, which is a text, too: no client of rosbridge sends anything else.
pub(super) fn read_binary(bytes: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| {
        "expected a message in JSON, found bytes that are no UTF-8; CBOR goes to clients, and does not come from them".to_owned()
    })?;
    read_text(text)
}

/// Reads the message that the pixels of a PNG hold.
pub(super) fn read_png(data: &str, len_max: usize) -> Result<Value, String> {
    read_text(&png_text::decode(data, len_max)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use super::*;

    #[test]
    fn what_nests_without_end_or_has_values_without_number_is_refused() {
        let error = read_text(&"[".repeat(1_000_000)).unwrap_err();
        assert!(error.contains("recursion limit"), "{error}");
        let error = read_text(&format!("[{}0]", "0,".repeat(VALUES_MAX))).unwrap_err();
        assert!(error.contains("base64"), "{error}");
        let error = read_text("{\"op\":").unwrap_err();
        assert!(error.contains("line 1"), "{error}");
    }

    #[test]
    fn bytes_are_json_or_nothing() {
        assert_eq!(read_binary(b"{\"op\":1}").unwrap()["op"], 1);
        // A CBOR array that says it has four thousand million elements.
        let error = read_binary(&[0x9a, 0xff, 0xff, 0xff, 0xff]).unwrap_err();
        assert!(error.contains("CBOR"), "{error}");
    }

    #[test]
    fn pixels_hold_a_message() {
        let data = png_text::encode("{\"op\":\"status\"}").unwrap();
        assert_eq!(read_png(&data, 1000).unwrap()["op"], "status");
    }
}
