//! Access tokens of Entra ID: client secret, workload identity, managed identities; no I/O
