"""What samplers share that draw generations: parameters, candidates, whose trials are whose."""
