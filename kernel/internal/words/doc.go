// Package words holds what package kernel and its implementations both say: the
// "no" form of a parameter's name, and what an administrator can do about a
// missing feature.
package words
