//! Verified Nuncio topics in other protocols.
