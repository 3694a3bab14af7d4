// Package sysadm serves the "iocage" class of the SysAdm API: the calls with
// which SysAdm's clients list, start, create and destroy jails. It is a thin
// layer over the packages jail, release and host and has no jail logic of its
// own.
//
// A [Server] is an http.Handler. A request that upgrades to a WebSocket uses the
// WebSocket form of the API, every other one the REST form:
//
//	srv, err := sysadm.New(sysadm.Options{Host: h, Auth: users})
//	...
//	hs := srv.HTTPServer(sysadm.Dialect2017) // with time and size limits
//	hs.Addr = "127.0.0.1:12151"
//	err = hs.ListenAndServe()
//
// The three published versions of the class are its dialects ([Dialect]); a
// listener has one, and the argument "api" of a request chooses another.
// [Actions] lists the actions and the role that each needs; cmd/sysadmd writes an
// OpenAPI description of the REST form from it.
//
// Long work (fetching releases, creating jails in the form of 2017) is a job: the
// answer names it at once, and two events report its beginning and its end to
// subscribers. [Server.Shutdown] lets running jobs end.
//
// docs/sysadm.md lists the deliberate differences from the original server and
// from the documents.
//
// No command line is ever built from a request. Names and values are looked up
// and compared, and passed to the library unchanged.
package sysadm
