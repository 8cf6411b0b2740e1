//! Bytes from shared memory are nobody else's when they are checked.

use zenoh::Wait;
use zenoh::shm::{ShmProviderBuilder, ZShm};

use super::*;

#[test]
fn what_comes_through_shared_memory_is_copied_before_it_is_looked_at() {
    let provider = ShmProviderBuilder::default_backend(4096).wait().unwrap();
    let mut shared = provider.alloc(1000).wait().unwrap();
    shared.as_mut().fill(7);
    let shared = ZShm::from(shared);
    let where_others_write = shared.as_ref().as_ptr();
    let payload = ZBytes::from(shared);
    assert_eq!(payload.to_bytes().as_ptr(), where_others_write);
    let bytes = Pieces(&payload).contiguous();
    assert_eq!(bytes.as_slice(), [7; 1000]);
    assert_ne!(bytes.as_slice().as_ptr(), where_others_write);
}

#[test]
fn what_comes_in_one_piece_over_a_link_is_not_copied() {
    let payload = ZBytes::from(vec![7; 1000]);
    let arrived_at = payload.to_bytes().as_ptr();
    assert_eq!(Pieces(&payload).contiguous().as_slice().as_ptr(), arrived_at);
}
