// Package refusal turns the errno of a refused call into the error that both
// kernels return: which sentinel belongs to it, and the words that it lacks.
package refusal
