"""What MRR and STG are made of: mirrors, positions, deletes, drift, cleansing, rejects."""
