package jailerr

import "fmt"

// ParamError is a jail parameter that this kernel does not have.
type ParamError struct {
	Param    string // as jail(8) writes it: "allow.mount.fusefs"
	Property string // that asks for it; may be empty
	Module   string // kernel module that would bring it; empty when none does
	Remedy   string // what the administrator can do; may be empty
	Err      error  // why the module could not be loaded, or nil
}

func (e *ParamError) Error() string {
	text := "this kernel has no jail parameter " + e.Param
	if e.Property != "" {
		text += " (" + e.Property + ")"
	}
	if e.Err != nil {
		text += fmt.Sprintf(", and its module cannot be loaded: %v", e.Err)
	}
	if e.Remedy != "" {
		text += "; " + e.Remedy
	}
	return text
}

// Unwrap returns ErrConfig and the cause.
func (e *ParamError) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrConfig}
	}
	return []error{ErrConfig, e.Err}
}
