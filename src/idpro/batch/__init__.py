"""Many videos on one machine or many: a manifest of jobs, workers with a loaded network, results that appear whole."""
