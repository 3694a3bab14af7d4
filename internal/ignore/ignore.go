// Package ignore drops errors that are no failure where they appear, such as
// "not found" from a removal.
package ignore

import "errors"

// Err returns err, or nil if it is one of targets, as with errors.Is.
func Err(err error, targets ...error) error {
	for _, target := range targets {
		if errors.Is(err, target) {
			return nil
		}
	}
	return err
}
