"""What keeps the system going: the mission database, workers, performers, the heartbeat, the Uvm."""
