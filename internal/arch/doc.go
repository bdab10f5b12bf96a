// Package arch holds the rules of the source tree that a compiler does not know,
// and the test that applies them.
//
// The test reads the head of every Go file of the module, whatever system or tag
// it is built for, and reports:
//   - an import that goes up: a package may import only from the layers below its
//     own, and inside its layer along a listed arrow (the table in layers.go);
//   - a package that is not in the table, so that a new one is placed on purpose;
//   - a third-party module that the layer has no use for (docs/dependencies.md
//     says what each is for), and those that nothing here may ever link;
//   - a package without a comment that tells what it is for;
//   - a file too long to hold in the head that does not say why.
//
// Test files may import any package of ours: a test of a lower layer may need a
// running server. What they import from others is a list of its own.
//
// Nothing imports this package, and it starts no other program: it needs only
// the sources. Modules below the root, such as those of other makers' clients,
// have rules of their own and are left out.
package arch
