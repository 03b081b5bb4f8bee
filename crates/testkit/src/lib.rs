//! Contract suites, faults and fixtures for tests only.
