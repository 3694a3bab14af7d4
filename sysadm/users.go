package sysadm

import "context"

// Role is what a user may do; each includes those before it.
type Role uint8

// The roles.
const (
	RoleRead    Role = iota // list, read settings
	RoleOperate             // start, stop, apply limits
	RoleAdmin               // make, destroy, clean, fetch, change pools, kill jobs
)

var roleNames = [...]string{"read", "operate", "admin"}

// String is "read", "operate" or "admin".
func (r Role) String() string { return roleNames[r] }

// User is who has logged in.
type User struct {
	Name string
	Role Role
	// Exec is the permission to run commands in jails, beside the role.
	Exec bool
}

func (u *User) may(a Action) bool { return u.Role >= a.Role && (u.Exec || !a.Exec) }

// Authenticator checks logins. Its methods are called from many goroutines.
type Authenticator interface {
	// Authenticate checks a password. A wrong one, or a user who does not exist,
	// is ErrLogin and must take the same time. It is asked once for every REST
	// request, so one that is costly by design should remember for a while that
	// a password was right, as that of cmd/sysadmd does.
	Authenticate(ctx context.Context, name, password string) (User, error)
}

// KeyAuthenticator is an Authenticator that knows public keys as well, for
// rpc/auth_ssl.
type KeyAuthenticator interface {
	Authenticator
	// AuthenticateKey finds the user one of whose RSA keys signed the text:
	// PKCS #1 v1.5 without a hash, which is what encrypting with the private
	// key comes to. ErrLogin if there is none.
	AuthenticateKey(ctx context.Context, text, signature []byte) (User, error)
}
