"""Evolution strategies that adapt a covariance matrix, each a pure function of arrays.

A state is asked for a generation and told how it ranked; what comes back is the next state:
`evolution` (full and separable), `margin` (integers and steps), `choices` (categories), `rates`
(learning rates that adapt), `warm` (a start from what is known), `quadratic` (a surrogate) and
`restarts`. Randomness is passed in.
"""
