//! The names that the backup uses inside repositories. Tools and people may rely on them.

/// The branch of manifests: what stood at every path, with mode, time and hash, for each snapshot.
pub const MANIFEST_BRANCH: &str = "refs/heads/ubos/manifest";
/// The branch of large append-only logs, in segments and chunks.
pub const LOGS_BRANCH: &str = "refs/heads/ubos/logs";
/// Where the history of a remote goes that moved away from ours: `<this>/<host>/<time>`.
pub const DIVERGED: &str = "refs/heads/ubos/diverged";
/// Why a snapshot was made: `pre`, `post` or `asked`.
pub const TRAILER_PHASE: &str = "Ubos-Phase";
/// The run that a snapshot belongs to.
pub const TRAILER_RUN: &str = "Ubos-Run";
/// The last generation that both territories had agreed on.
pub const TRAILER_GENERATION: &str = "Ubos-Sync-Generation";
/// The territory that made the snapshot.
pub const TRAILER_TERRITORY: &str = "Ubos-Territory";
/// How many paths of the selection the snapshot could not take in.
pub const TRAILER_GAPS: &str = "Ubos-Gaps";
/// The territory's own folder of the backup, below `.ubos-sync/`.
pub const STATE: &str = "state/backup";
