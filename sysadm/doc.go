// Package sysadm serves the "iocage" class of the SysAdm API: the calls with
// which SysAdm's clients list, start, make and destroy jails. It is a thin
// layer over the packages jail, release and host and has no jail logic of its
// own.
//
// A [Server] is an http.Handler. A request that upgrades to a WebSocket speaks
// the WebSocket form of the API on it, every other one the REST form:
//
//	srv, err := sysadm.New(sysadm.Options{Host: h, Auth: users})
//	...
//	hs := srv.HTTPServer(sysadm.Dialect2017) // with time and size limits
//	hs.Addr = "127.0.0.1:12151"
//	err = hs.ListenAndServe()
//
// The three published versions of the class are its dialects ([Dialect]); a
// listener has one, and the argument "api" of a request chooses another.
// [Actions] lists what can be asked for and which role it needs; cmd/sysadmd
// makes an OpenAPI description of the REST form from it.
//
// Long work (fetching releases, making jails in the form of 2017) is a job: the
// answer names it at once, and two events tell of its beginning and its end to
// those who have subscribed. [Server.Shutdown] lets running jobs end.
//
// What the original server did and this one does not on purpose, and every other
// difference from the documents, is in docs/sysadm.md.
//
// Nothing here is started from outside: no command line is ever built from a
// request. Names and values are looked up and compared, and given to the
// library as they are.
package sysadm
