"""Reading and running the code of two tutorials on Optuna; see tests/test_seeds.py."""
