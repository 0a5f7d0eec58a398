"""Did you issue this? One body asks another; the answer is automatic, sealed and kept on both sides (صحة صدور)."""
