"""Keep what was recorded as long as it must be and no longer: retention, holds, erasure, export."""
