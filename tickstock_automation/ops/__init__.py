"""Operations: logs, health, what a worker starts beside itself."""
