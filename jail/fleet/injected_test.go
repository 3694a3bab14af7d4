package fleet_test

import "errors"

var errInjected = errors.New("injected")
