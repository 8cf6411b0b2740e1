//! Text in the pixels of a PNG, rosbridge's oldest compression: the bytes are RGB pixels, line feeds fill the last row. Pure.

use std::io::Cursor;

use base64::engine::Engine;
use base64::prelude::BASE64_STANDARD;

/// How many bytes a pixel holds.
const PIXEL_LEN: usize = 3;

/// The base64 text of a PNG that holds a text.
///
/// # Errors
///
/// What the encoder says; a text that is too long for an image, for example.
pub(super) fn encode(text: &str) -> Result<String, String> {
    let pixels = text.len().div_ceil(PIXEL_LEN).max(1);
    let width = pixels.isqrt().max(1);
    let height = pixels.div_ceil(width);
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize(width * height * PIXEL_LEN, b'\n');
    let size = |len: usize| u32::try_from(len).map_err(|_| format!("{} bytes are too many for a PNG", text.len()));
    let mut image = Vec::new();
    let mut encoder = png::Encoder::new(&mut image, size(width)?, size(height)?);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().map_err(|error| error.to_string())?;
    writer.write_image_data(&bytes).map_err(|error| error.to_string())?;
    writer.finish().map_err(|error| error.to_string())?;
    Ok(BASE64_STANDARD.encode(&image))
}

/// The text that the base64 of a PNG holds, of at most `len_max` bytes.
///
/// # Errors
///
/// What is wrong with it, in words for the client.
pub(super) fn decode(data: &str, len_max: usize) -> Result<String, String> {
    let image = BASE64_STANDARD
        .decode(data)
        .map_err(|error| format!("expected `data` to be base64 of a PNG: {error}"))?;
    let wrong = |error: png::DecodingError| format!("expected `data` to be a PNG: {error}");
    let limits = png::Limits { bytes: len_max };
    let mut reader = png::Decoder::new_with_limits(Cursor::new(image), limits)
        .read_info()
        .map_err(wrong)?;
    let len = reader.output_buffer_size().unwrap_or(usize::MAX);
    if len > len_max {
        return Err(format!(
            "a PNG may hold at most {len_max} bytes, this one says that it holds {len}"
        ));
    }
    if reader.output_color_type() != (png::ColorType::Rgb, png::BitDepth::Eight) {
        return Err("expected a PNG of RGB pixels with 8 bits each, found another kind".to_owned());
    }
    let mut bytes = vec![0; len];
    let found = reader.next_frame(&mut bytes).map_err(wrong)?;
    bytes.truncate(found.buffer_size());
    String::from_utf8(bytes).map_err(|_| "expected the pixels of the PNG to be a text in UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use super::*;

    #[test]
    fn a_text_comes_back_with_line_feeds_after_it() {
        for text in ["", "{}", "{\"a\": \"é😀\"}", &"x".repeat(10_000)] {
            let decoded = decode(&encode(text).unwrap(), 100_000).unwrap();
            assert_eq!(decoded.trim_end_matches('\n'), text);
        }
    }

    #[test]
    fn an_image_that_says_it_is_huge_costs_nothing() {
        let bomb = encode(&"x".repeat(1_000_000)).unwrap();
        assert!(bomb.len() < 50_000, "{}", bomb.len());
        let error = decode(&bomb, 10_000).unwrap_err();
        assert!(error.contains("10000") || error.contains("PNG"), "{error}");
    }

    #[test]
    fn what_is_no_png_is_refused() {
        for data in ["", "%%%", "aGVsbG8="] {
            assert!(decode(data, 1000).unwrap_err().contains("PNG"), "{data}");
        }
    }
}
