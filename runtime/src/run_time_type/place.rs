//! The place of a value inside a message, such as `transforms[3].header.stamp`, put together on the way out of an error.

/// Puts the field `name` in front of `path`.
pub(super) fn prepend_field(path: &mut String, name: &str) {
    if !path.is_empty() && !path.starts_with('[') {
        path.insert(0, '.');
    }
    path.insert_str(0, name);
}

/// Puts the list element `index` in front of `path`.
pub(super) fn prepend_element(path: &mut String, index: usize) {
    let dot = if path.is_empty() || path.starts_with('[') {
        ""
    } else {
        "."
    };
    path.insert_str(0, &format!("[{index}]{dot}"));
}

/// The path, or what stands for it when the whole message is meant.
pub(super) fn or_message(path: &str) -> &str {
    if path.is_empty() { "the message" } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_from_the_outside_inwards() {
        let mut path = String::new();
        assert_eq!(or_message(&path), "the message");
        prepend_field(&mut path, "x");
        prepend_element(&mut path, 3);
        prepend_field(&mut path, "points");
        prepend_field(&mut path, "polygon");
        assert_eq!(or_message(&path), "polygon.points[3].x");
    }
}
