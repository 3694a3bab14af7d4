package plan

import (
	"fmt"
	"runtime/debug"
)

// PanicError is a panic of code that an operation called, such as a Store or Kernel
// of the program's own. The operation is rolled back as after any other error.
type PanicError struct {
	Value any    // what panic was called with
	Stack []byte // of the goroutine, as debug.Stack formats it
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns the value, if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Catch runs f. A panic in it becomes a *PanicError: the goroutine of an operation
// is the library's, so nobody else could recover from it.
func Catch(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{v, debug.Stack()}
		}
	}()
	return f()
}
