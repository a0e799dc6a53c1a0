//! Hand-over: a disclosure in the forms that archives and investigators take in.
//!
//! MDTO 1.0.1 (Nationaal Archief) as sidecars in a SIP with a pakbon; RSMF 2.0.0 (Relativity), one file a document. Both
//! are renderings of a verified bundle, which goes along; names of files hold nothing that a stranger wrote.
//!
//! Not here: what may leave, and that the log is told first (`case`, `disclose`). Specification: `specs/disclosure.md`.

pub(crate) mod rsmf;
mod sidecar;
pub(crate) mod sip;
mod xml;
