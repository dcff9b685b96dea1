//! The manifests that a new pair starts with.

use super::PerManifest;

/// The texts that `init` writes where no manifest exists. They name no machine, so they are the
/// same for every peer.
pub const DEFAULTS: PerManifest<&str> = PerManifest { to: TO, from: FROM, exclude: EXCLUDE };

const TO: &str = "\
# Constitutional documents (bidirectional)
docs/
config/
ROADMAP.md
SESSION_STATUS.md
missions/
COMMS_HUB/
GENESIS_PROTOCOL/
TRINITY_PROTOCOL/

# Boot sequences
unified_boot_*.md
";

const FROM: &str = "\
# Operational intelligence (pull-only)
proposals.jsonl
mission_log.jsonl
STATE_OF_THE_REPUBLIC_*.md

# Generated reports
intel_cache/
";

const EXCLUDE: &str = "\
.git/
.cache/
node_modules/
__pycache__/
*.pyc
.DS_Store
agent/venv/
";
