package jail

import (
	"maps"
	"slices"
)

// StepKinds are the names of all kinds of steps.
func StepKinds() []string { return slices.Sorted(maps.Keys(kinds)) }
