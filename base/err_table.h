/*
 * Every reason for which assay refuses or fails, in one table.
 *
 * ERR_TABLE(X) calls X(number, NAME, class, meaning, remedy) for each. The
 * enum, the name table, docs/errors.md and the check that each code is
 * asserted by a test are all made from it.
 *
 * Numbers are never reused. Three classes, never mixed:
 *   REFUSAL      the input is bad, or not allowed
 *   ENVIRONMENT  Xen, xenstore, disk or memory did not do what was asked
 *   BUG          assay broke its own rule
 *
 * include-what-you-use: nothing; this header is only the table.
 */
#ifndef ASSAY_BASE_ERR_TABLE_H
#define ASSAY_BASE_ERR_TABLE_H

/* clang-format off */
#define ERR_TABLE(X) \
/* Envelopes and keys */ \
X(100, ENVELOPE_MALFORMED, REFUSAL, \
  "the signed envelope is not a strict DSSE envelope", \
  "sign the image again with 'assay image sign'") \
X(101, ENVELOPE_TOO_LARGE, REFUSAL, \
  "the signed envelope, or a part of it, is over its size limit", \
  "make the manifest or the number of signatures smaller") \
X(102, IMAGE_UNSIGNED, REFUSAL, \
  "the envelope carries no signature at all", \
  "sign the image with 'assay image sign'") \
X(103, IMAGE_SIGNATURE_BAD, REFUSAL, \
  "a signature does not fit the bytes it claims to sign", \
  "the image or its envelope was changed after signing: fetch it again") \
X(104, THRESHOLD_NOT_MET, REFUSAL, \
  "fewer distinct trusted keys signed than the role demands", \
  "let another key holder of the role sign with 'assay image sign'") \
X(105, KEY_UNKNOWN, REFUSAL, \
  "a signing key is not in the trust policy", \
  "sign with a key of the trust policy, or add the key to the policy") \
X(106, ROLE_NOT_ALLOWED, REFUSAL, \
  "the keys that signed may not sign images of this name or class", \
  "sign with the role that owns this name, or widen the role's patterns") \
X(107, PAYLOAD_TYPE_UNKNOWN, REFUSAL, \
  "what was signed is not a document of the kind that is needed here", \
  "give the right file, or sign the document with the command for its kind") \
X(108, KEY_REVOKED, REFUSAL, \
  "a key without which the threshold is not met was revoked", \
  "sign the image again with keys that are not revoked") \
X(109, IMAGE_REVOKED, REFUSAL, \
  "the trust policy revokes what was signed, or this very envelope", \
  "use a newer release of the image") \
X(110, IMAGE_ROLLBACK, REFUSAL, \
  "the image is older than the floor for its rollback location", \
  "use a release at or above the floor") \
X(111, KEY_MALFORMED, REFUSAL, \
  "the key file is not a PEM key that can be read", \
  "make the key with 'assay key new', or convert it to PEM") \
X(112, KEY_UNSUPPORTED, REFUSAL, \
  "the key's algorithm, curve, size or parameters are not allowed", \
  "use ECDSA P-256 or P-384, Ed25519, or RSA of 3072 to 8192 bits") \
X(113, TRUST_MALFORMED, REFUSAL, \
  "the trust policy breaks its format", \
  "make the policy with 'assay trust init'") \
X(114, TRUST_NO_ROLE, REFUSAL, \
  "the trust policy has no role that signs documents of this kind", \
  "add a role for them: see assay-trust(5)") \
X(115, TRUST_GAP, REFUSAL, \
  "a step of the trust chain skips versions of the policy", \
  "append the missing steps in order; each raises the version by one") \
X(116, TRUST_REPLAYED, REFUSAL, \
  "a step of the trust chain brings the version that is in force already", \
  "remove that line; a chain begins with the version after the root's") \
X(117, TRUST_DOWNGRADE, REFUSAL, \
  "the trust policy of a step, or of a build, is older than the one in force", \
  "remove that line, or build again; to undo a change, sign a new version") \
X(118, TRUST_CHAIN_MALFORMED, REFUSAL, \
  "the trust chain is not lines of one envelope each", \
  "fetch the chain again; each line is what 'assay trust rotate' wrote") \
X(119, TRUST_TOO_LARGE, REFUSAL, \
  "the trust policy, or a chain of policies, is over its size limit", \
  "drop old keys, revocations or steps: put a newer root into the ramdisk") \
X(120, TRUST_EDIT_REFUSED, REFUSAL, \
  "the edit does not fit the trust policy", \
  "'assay trust show' says what is in the policy") \
X(121, IMAGE_EXPIRED, REFUSAL, \
  "the image's not_after has passed, by the clock that the policy trusts", \
  "use a newer release, or sign the image again with a later date") \
X(122, IMAGE_NOT_YET_VALID, REFUSAL, \
  "the image's not_before has not come, by the clock that the policy trusts", \
  "wait, or check the clock of the host") \
X(123, CLOCK_NOT_TRUSTED, REFUSAL, \
  "a date has to be checked, and there is no clock that may be believed", \
  "set the host's clock, or trust it: 'assay trust set-clock'") \
/* Signing */ \
X(130, ENVELOPE_OTHER_PAYLOAD, REFUSAL, \
  "the envelope that is there already signs something else", \
  "remove the old envelope, or sign what it holds") \
X(131, SIGNATURE_NOT_DER, REFUSAL, \
  "a signature is raw r||s, and ECDSA signatures must be DER", \
  "sign with 'pkcs11-tool --signature-format openssl', or see assay-image(1)") \
X(132, SIGNATURE_NOT_BY_KEY, REFUSAL, \
  "the signature was not made by this key over these bytes", \
  "sign what --pae-only wrote, by the private half of --key and with its hash") \
X(133, PKCS11_URI_BAD, REFUSAL, \
  "the URI does not name a private key in a token", \
  "write pkcs11:token=LABEL;object=LABEL?pin-source=file:FILE") \
X(134, PKCS11_KEY_MISSING, REFUSAL, \
  "there is not exactly one such token and key", \
  "'p11tool --list-all' and 'pkcs11-tool -O' list what there is") \
X(135, PKCS11_PIN_BAD, REFUSAL, \
  "the token's PIN is missing or wrong", \
  "name a file with pin-source=file:FILE, or type it in; tokens lock soon") \
X(137, STATEMENT_MALFORMED, REFUSAL, \
  "the in-toto statement breaks its format", \
  "make it with 'assay image statement', or with the tool that signs it") \
X(138, STATEMENT_NOT_OF_IMAGE, REFUSAL, \
  "the in-toto statement says something else than an image's manifest", \
  "the predicate type of images is urn:assay:image-manifest:v1") \
X(139, STATEMENT_SUBJECT_MISSING, REFUSAL, \
  "the statement's manifest names a file that is not among its subjects", \
  "sign the whole statement that 'assay image statement' prints") \
X(180, STATEMENT_OTHER_SUBJECT, REFUSAL, \
  "the statement that others signed is about more than this image", \
  "see what else it is about, and sign all of it with --all-subjects") \
X(124, TRUST_PATTERN_UNUSED, REFUSAL, \
  "a pattern of the trust policy fits no image of the store", \
  "correct the pattern, or add the image that it is for") \
X(140, PROVENANCE_MISSING, REFUSAL, \
  "the role that signed the image demands provenance, and there is none", \
  "attach what the builder signed: see assay-trust(5)") \
X(141, PROVENANCE_MISMATCH, REFUSAL, \
  "the provenance is not by the demanded builder, or not of all files", \
  "attach the builder's statements about the kernel and the ramdisk") \
X(142, PROVENANCE_MALFORMED, REFUSAL, \
  "the provenance directory holds what cannot be attached", \
  "put up to 256 different DSSE envelopes there, named *.dsse") \
/* Bad input that has a name of its own, whichever document it is in */ \
X(150, KEY_CURVE_WRONG, REFUSAL, \
  "an EC key is on a curve that is not allowed", \
  "use P-256 or P-384, or another kind of key") \
X(151, KEY_PARAMETERS_EXPLICIT, REFUSAL, \
  "an EC key spells out its curve instead of naming it", \
  "write it with 'openssl ec -param_enc named_curve', or make a new key") \
X(152, KEY_TOO_SHORT, REFUSAL, \
  "an RSA key has too few bits", \
  "use an RSA key of 3072 to 8192 bits, or a key on P-256 or P-384") \
X(153, BASE64_ALPHABETS_MIXED, REFUSAL, \
  "one base64 string uses both the standard and the URL-safe alphabet", \
  "write it in one of the two, or make the document again") \
X(154, BASE64_WHITESPACE, REFUSAL, \
  "there is white space inside a base64 string", \
  "write it without line ends and blanks: 'base64 -w0'") \
X(155, BYTES_TRAILING, REFUSAL, \
  "something follows after the end of what was to be read", \
  "remove what follows, or fetch or make the file again") \
X(156, MEMBER_DUPLICATE, REFUSAL, \
  "one JSON object has two members of the same name", \
  "keep one of them; if the document is signed, make and sign it again") \
X(157, TRUST_KEY_TWICE, REFUSAL, \
  "the trust policy has one key twice", \
  "keep the key once, under the id that 'assay key show' prints") \
X(158, TRUST_THRESHOLD_BAD, REFUSAL, \
  "a threshold is zero, or above the number of keys that can reach it", \
  "set it from 1 to the number of keys with 'assay trust set-role'") \
X(159, TRUST_ROLE_CYCLE, REFUSAL, \
  "roles of the trust policy demand provenance of each other in a circle", \
  "only roles for images demand, and only of roles that sign provenance") \
X(160, TRUST_ROLE_REFERENCE_BAD, REFUSAL, \
  "a role demands provenance of a role that cannot give it, or may not demand", \
  "only roles for images demand, and only of roles that sign provenance") \
X(161, SIGNATURE_OTHER_HASH, REFUSAL, \
  "the right key signed the right bytes, but over another hash", \
  "sign with the hash of the key's algorithm: see assay-key(1)") \
X(162, SIGNATURE_OTHER_PADDING, REFUSAL, \
  "the right RSA key signed the right bytes, but with another padding", \
  "sign with PSS, MGF1 of SHA-256 and a salt of 32 bytes: see assay-image(1)") \
X(164, VERIFY_BUDGET_SPENT, REFUSAL, \
  "there is more to verify than one request may make assay do", \
  "give signatures their keyids; remove statements and images that nobody needs") \
X(165, TRUST_OTHER_PREVIOUS, REFUSAL, \
  "a step of the trust chain was made to follow another policy", \
  "take this fleet's chain; to change what is in force, sign a step after it") \
X(166, PAYLOAD_UNSEEN, REFUSAL, \
  "what would be signed is not what the signer says to have read", \
  "read what --show prints, and name its digest with --expect") \
/* Images and stores */ \
X(200, MANIFEST_MALFORMED, REFUSAL, \
  "the signed manifest breaks its format", \
  "make the manifest with 'assay image pack'") \
X(201, MANIFEST_UNSUPPORTED, REFUSAL, \
  "the manifest asks for something that this version does not do", \
  "pack the image for what this version supports") \
X(202, IMAGE_NAME_MISMATCH, REFUSAL, \
  "the signed name is not the name that was asked for", \
  "the store's index points to the wrong envelope: add the image again") \
X(203, IMAGE_DIGEST_MISMATCH, REFUSAL, \
  "the bytes do not have the signed digest", \
  "the file was changed or swapped: fetch the image again") \
X(204, IMAGE_SIZE_MISMATCH, REFUSAL, \
  "a file is shorter or longer than the signed size", \
  "the file was truncated or grew: fetch the image again") \
X(205, IMAGE_TOO_LARGE, REFUSAL, \
  "a file or the unpacked kernel is over the hard limit", \
  "make the kernel or initramfs smaller") \
X(206, IMAGE_UNKNOWN, REFUSAL, \
  "the store holds no image of this name, version or digest", \
  "'assay store ls' lists what there is") \
X(207, IMAGE_AMBIGUOUS, REFUSAL, \
  "several images fit equally well", \
  "name one by its manifest digest") \
X(208, DECOMPRESS_FAILED, REFUSAL, \
  "the compressed kernel cannot be unpacked", \
  "the kernel file is damaged, or of a compression that is not supported") \
X(209, DECOMPRESS_BOMB, REFUSAL, \
  "the compressed kernel unpacks to more than the signed size", \
  "pack the image again from the true kernel") \
X(210, KERNEL_FORMAT_UNKNOWN, REFUSAL, \
  "the kernel is neither a bzImage nor an x86-64 ELF file", \
  "give a bzImage (gzip, xz, lz4, zstd) or the unpacked vmlinux") \
X(211, KERNEL_NOT_PV, REFUSAL, \
  "the kernel does not say that it can start as a Xen PV guest", \
  "use a kernel built with CONFIG_XEN_PV") \
X(212, RAMDISK_UNPACKABLE, REFUSAL, \
  "libxenguest would unpack this gzip initramfs instead of passing it on", \
  "use one gzip member, another compression, or none") \
X(213, STORE_MALFORMED, REFUSAL, \
  "the store is not an OCI image layout", \
  "make the store with 'assay store init'") \
X(214, LIMIT_EXCEEDED, REFUSAL, \
  "a value is outside the limits that the image was signed with", \
  "ask for a value inside the signed limits") \
X(215, FILE_EXISTS, REFUSAL, \
  "the output exists already and is not overwritten", \
  "choose another name, or remove the old file first") \
X(216, CMDLINE_TOO_LONG, REFUSAL, \
  "the kernel command line is over the limit of the guest ABI", \
  "shorten the command line to 1023 bytes") \
X(217, STORE_INDEX_MALFORMED, REFUSAL, \
  "the signed store index breaks its format", \
  "make the index with 'assay store index'") \
X(218, STORE_INDEX_MISSING, REFUSAL, \
  "a signed store index is demanded, and the store has none", \
  "make and sign one with 'assay store index'") \
X(219, STORE_INDEX_EXPIRED, REFUSAL, \
  "the signed store index is past its time", \
  "publish a newer index; is the clock that was asked right?") \
X(220, STORE_ROLLBACK, REFUSAL, \
  "the store's epoch is below one that was seen before", \
  "use the newest store: this one was valid once, and is not any more") \
X(221, IMAGE_NOT_INDEXED, REFUSAL, \
  "the signed store index does not list this image", \
  "sign a new index of the store with 'assay store index'") \
X(222, IMAGE_DUPLICATE, REFUSAL, \
  "two images have the same name and version", \
  "remove one of them, or pack it with another version") \
X(223, DESCRIPTOR_DUPLICATE, REFUSAL, \
  "the same thing is listed twice", \
  "remove one of the two descriptors") \
X(224, STORE_TOO_LARGE, REFUSAL, \
  "the index of a store, or another document in it, is over its limit", \
  "use several stores, or drop images that nobody uses") \
X(225, BLOB_SIZE_MISMATCH, REFUSAL, \
  "a blob has another size than the document that names it says", \
  "the store was damaged or changed: fetch it again") \
X(226, BLOB_DIGEST_MISMATCH, REFUSAL, \
  "a blob has another content than the digest that names it", \
  "the store was damaged or changed: fetch it again") \
X(227, ARCHIVE_MALFORMED, REFUSAL, \
  "this is not a whole tar archive of a store", \
  "fetch it again, or make it with 'assay store export' or skopeo") \
X(228, ARCHIVE_UNSAFE, REFUSAL, \
  "the archive holds a link, a device or a path out of the store", \
  "do not use it: no tool makes such an archive of a store") \
X(229, IMAGE_INDEXED_OTHERWISE, REFUSAL, \
  "the signed store index lists another envelope or payload for this image", \
  "fetch the store again, or sign a new index of it with 'assay store index'") \
X(240, KERNEL_CONFIG_BAD, REFUSAL, \
  "what should be a kernel's configuration is none", \
  "name the /boot/config-* that belongs to the kernel") \
X(241, MANIFEST_VALUE_BAD, REFUSAL, \
  "a value does not fit into a manifest", \
  "assay-manifest(5) says what each may be") \
/* Requests */ \
X(300, RPC_MALFORMED, REFUSAL, \
  "the message is not one strict JSON object of a varlink call", \
  "send one JSON object without duplicate members, then a zero byte") \
X(301, RPC_TOO_LARGE, REFUSAL, \
  "the message is over the size limit", \
  "send a smaller message") \
X(302, RPC_METHOD_UNKNOWN, REFUSAL, \
  "there is no method or interface of this name", \
  "GetInfo and GetInterfaceDescription list what there is") \
X(303, RPC_PARAMETER_BAD, REFUSAL, \
  "a parameter is missing, unknown, of the wrong type or malformed", \
  "GetInterfaceDescription shows each method's parameters") \
X(304, RPC_NOT_PERMITTED, REFUSAL, \
  "this caller may not call, or not have this", \
  "name the caller in allow_uids or callers of assayd.conf, with what it may") \
X(305, RPC_BUSY, REFUSAL, \
  "too many calls, connections or builds at once", \
  "try again when a build has ended") \
X(306, DOMAIN_UNKNOWN, REFUSAL, \
  "assayd built no running domain of this id, name or uuid", \
  "'assay ps' lists the domains that assayd built") \
X(307, DOMAIN_EXISTS, REFUSAL, \
  "a domain of this name or uuid runs already", \
  "choose another name or uuid, or destroy the old domain") \
X(308, BUILD_CANCELLED, REFUSAL, \
  "the caller went away before the build was done", \
  "keep the connection open until the reply") \
X(309, DOMAIN_AMBIGUOUS, REFUSAL, \
  "several domains fit what is to be removed or was asked for", \
  "look at 'xl list -v', and name the domain by its id") \
X(310, CALLER_QUOTA_SPENT, REFUSAL, \
  "the caller has as much as it may: domains, memory, builds, or the log", \
  "destroy what is not needed or build later; the rule is in assayd.conf") \
X(311, VCHAN_RING_BROKEN, REFUSAL, \
  "the client of a channel broke its rings", \
  "the client domain runs a program that does not speak vchan: end it there") \
X(312, RESTART_LOOP, REFUSAL, \
  "a domain that is to be built again ended too soon after its start, too often", \
  "see its console for why it ends, and build it once it works") \
X(313, CHANNEL_RINGS_HELD, REFUSAL, \
  "a client domain keeps rings of sessions that are over", \
  "restart the client domain, and see why it does not unmap its rings") \
X(320, ADDRESS_BAD, REFUSAL, \
  "this is no address of assayd", \
  "write unix:PATH, vchan:DOMID, vchan:DOMID:PATH, or the path of a socket") \
/* Files for xl(1) */ \
X(330, XL_CONFIG_MALFORMED, REFUSAL, \
  "the file is not what libxlutil can read, or over the size limit", \
  "correct the line that is named; 'xl create -n' reads the file as well") \
X(331, XL_CONFIG_IMAGE_HAS, REFUSAL, \
  "the file sets what the signed image decides", \
  "take the line out; 'assay image pack' puts it into an image to be signed") \
X(332, XL_CONFIG_UNSUPPORTED, REFUSAL, \
  "the file sets what assayd would have to ignore", \
  "take the line out: a domain is what its file says, or it is not built") \
X(333, XL_CONFIG_VALUE_BAD, REFUSAL, \
  "the file has a key with a value that assayd cannot take", \
  "see assay-build(1) for the keys and their values") \
/* The world */ \
X(400, XEN_FAILED, ENVIRONMENT, \
  "a hypercall or libxenguest failed", \
  "see the log of assayd and 'xl dmesg'; is there enough free memory?") \
X(401, XENSTORE_FAILED, ENVIRONMENT, \
  "xenstored did not do what was asked", \
  "is xenstored running?") \
X(402, GRANT_MISMATCH, ENVIRONMENT, \
  "the guest's grant table does not hold exactly what was planned", \
  "report this: the hypervisor or libxenguest is not the expected one") \
X(403, STORE_IO, ENVIRONMENT, \
  "a file of the store cannot be read or written", \
  "check the path, its permissions and the disk") \
X(404, SYSTEM_FAILED, ENVIRONMENT, \
  "a system call failed", \
  "see the error text for which and why") \
X(405, NO_MEMORY, ENVIRONMENT, \
  "there is not enough memory", \
  "free memory on the host") \
X(406, CONFIG_BAD, ENVIRONMENT, \
  "the configuration breaks its format", \
  "see assayd.conf(5)") \
X(407, BUILD_CRASHED, ENVIRONMENT, \
  "the process that built the domain died, and what it left was removed", \
  "see the log of assayd") \
X(408, STAGE_FAILED, ENVIRONMENT, \
  "the process that reads the store died or broke its protocol", \
  "see the log of assayd") \
X(409, BUILD_TIMEOUT, ENVIRONMENT, \
  "a build took longer than the time limit and was undone", \
  "see the log of assayd and 'xl dmesg'") \
X(410, DAEMON_UNREACHABLE, ENVIRONMENT, \
  "assayd does not answer on its socket", \
  "is assayd running, and may this user connect?") \
X(411, FAULT_INJECTED, ENVIRONMENT, \
  "a test asked for this step to fail", \
  "use a release build, which cannot do that") \
X(412, PKCS11_FAILED, ENVIRONMENT, \
  "the PKCS#11 module or its token did not do what was asked", \
  "see the error text; signing in two steps with --pae-only always works") \
X(413, ORDER_BROKEN, ENVIRONMENT, \
  "the process that decides about a build wrote what its protocol does not allow", \
  "see the log of assayd") \
X(414, WAIT_OVER, ENVIRONMENT, \
  "the domain did not get there in the time that the caller gave it", \
  "'assay describe' shows its state; wait longer, or ask it to shut down") \
X(419, XEN_UNREACHABLE, ENVIRONMENT, \
  "Xen cannot be asked at all", \
  "start assayd as root in the initial domain: is /dev/xen/privcmd there?") \
X(420, CALL_TIMEOUT, ENVIRONMENT, \
  "assayd did not answer in the time that the caller gave it", \
  "the call may have been carried out: see 'assay ps' and the log of assayd") \
X(421, CHANNEL_BROKEN, ENVIRONMENT, \
  "what is at the other end of a vchan broke its rings", \
  "is it assayd in that domain? connect again, or use its socket") \
X(430, XL_READER_FAILED, ENVIRONMENT, \
  "the program that reads files for xl(1) did not do its work", \
  "install assay-xl-config and libxlutil; if it died, report this with the file") \
X(431, LISTENER_UNFIT, ENVIRONMENT, \
  "the socket that a service manager passed is not the one to listen at", \
  "pass one ListenStream= socket at the path of socket in assayd.conf") \
/* Booting: images, ramdisks, predictions */ \
X(500, PREDICTION_MALFORMED, REFUSAL, \
  "the predicted or reference registers break their format", \
  "give what 'assay boot predict --json' or tpm2_pcrread printed") \
X(501, PE_MALFORMED, REFUSAL, \
  "the EFI image breaks the PE/COFF format", \
  "the file is damaged, or no EFI image: fetch or build it again") \
X(502, PE_UNSUPPORTED, REFUSAL, \
  "the file is a PE/COFF image, but none that x86-64 firmware starts", \
  "give a PE32+ EFI application for x86-64") \
X(503, BOOT_IMAGE_UNFIT, REFUSAL, \
  "this Xen binary cannot take the parts of a unified image", \
  "give the unsigned xen.efi as its package ships it") \
X(504, BOOT_OPTIONS_BAD, REFUSAL, \
  "options that Xen's configuration section cannot carry", \
  "use printable ASCII without '#', without spaces at either end") \
X(505, RAMDISK_LIST_BAD, REFUSAL, \
  "the list of a ramdisk's files breaks its form, or names something twice", \
  "write HOST:GUEST[:MODE] for files and directories, each guest path once") \
X(506, CPIO_MALFORMED, REFUSAL, \
  "the file is not an uncompressed newc archive", \
  "decompress it first, or make it with 'cpio -o -H newc'") \
X(507, EFI_VARIABLES_MALFORMED, REFUSAL, \
  "the firmware's variables or signature lists break their format", \
  "give OVMF's VARS.fd, a copy of efivarfs, or .esl files") \
X(508, BOOT_NOT_AUTHORISED, REFUSAL, \
  "with Secure Boot on, this firmware would not start the program", \
  "sign it with a key whose certificate is in db, and is not in dbx") \
X(509, REFERENCE_UNFIT, REFUSAL, \
  "the reference cannot give the register that was asked for", \
  "take only registers that are measured there and not predicted here") \
X(510, GRUB_UNPREDICTABLE, REFUSAL, \
  "grub.cfg does something that cannot be told from files", \
  "write a minimal one: set, insmod, echo, multiboot2, module2, boot") \
X(511, EFI_VARIABLE_MISSING, REFUSAL, \
  "a variable of the firmware that register 7 covers is not in the directory", \
  "give PK, KEK, db and dbx; an empty .esl file says that one is not set") \
X(512, SECURE_BOOT_OTHER, REFUSAL, \
  "by the firmware's variables Secure Boot is not on, or off, as was asked", \
  "predict with --secure-boot that it is on, with --secure-boot-off: off") \
/* Event log and evidence */ \
X(520, EVENT_LOG_IO, ENVIRONMENT, \
  "the event log cannot be read or written, or is not a private file", \
  "check the path, its owner, its permissions and the disk") \
X(521, EVENT_LOG_FULL, ENVIRONMENT, \
  "the event log has no room but for the ends of what was started", \
  "restart the host: the log and the register begin anew with a boot") \
X(522, EVENT_LOG_MALFORMED, REFUSAL, \
  "the file is not a crypto-agile event log", \
  "fetch the log again; assayd goes on only with a log of its own boot") \
/* TPM and boot policy */ \
X(550, TPM_UNREACHABLE, ENVIRONMENT, \
  "the TPM cannot be opened, or does not answer in time", \
  "is there a TPM, is it enabled, and may this process use it?") \
X(551, TPM_FAILED, ENVIRONMENT, \
  "the TPM refused a command", \
  "the error text has the TPM's own reason") \
X(552, TPM_RESPONSE_FORGED, ENVIRONMENT, \
  "an answer does not come from the TPM that was pinned", \
  "somebody sits between this program and the TPM: do not use this host") \
X(553, TPM_NOT_PROVISIONED, ENVIRONMENT, \
  "a key or index that is needed is not in the TPM, or none was named", \
  "run 'assay tpm provision'") \
X(554, TPM_KEY_NOT_PINNED, REFUSAL, \
  "a key or index of the TPM is not the one that was pinned", \
  "is the identity file of this host? after a TPM reset provision it anew") \
X(555, TPM_POLICY_UNMET, REFUSAL, \
  "the TPM does not allow this in the state that this host booted into", \
  "boot an approved release, or approve this one") \
X(556, TPM_IDENTITY_MALFORMED, REFUSAL, \
  "the TPM identity breaks its format", \
  "make it with 'assay tpm provision'") \
X(557, TPM_HANDLE_TAKEN, REFUSAL, \
  "something else is in the TPM where assay keeps its own", \
  "look at it with 'tpm2_readpublic' or 'tpm2_nvreadpublic'") \
X(558, BOOT_POLICY_MALFORMED, REFUSAL, \
  "the boot policy breaks its format", \
  "make the policy with 'assay boot policy'") \
X(559, PLATFORM_NOT_TRUSTED, REFUSAL, \
  "this host booted something that no release of the boot policy allows", \
  "boot an approved release, or bring a policy that allows this one") \
X(560, PLATFORM_NOT_MEASURED, REFUSAL, \
  "nothing was measured into a register that the boot policy names", \
  "does the firmware have the TPM enabled, and does it measure?") \
X(561, EPOCH_COUNTER_BAD, ENVIRONMENT, \
  "the TPM's counter does not stand where it must", \
  "is the identity file of this host? does something else use the counter?") \
X(562, EPOCH_TOO_FAR, REFUSAL, \
  "the store's epoch is far above the last one, which is no usual update", \
  "count with '--epoch next'; a host joins with 'assay tpm provision --epoch'") \
X(563, POLICY_KEY_UNFIT, REFUSAL, \
  "a TPM policy can only be authorised by a P-256 key", \
  "make one with 'assay key new --alg ecdsa-p256-sha256'") \
X(564, APPROVAL_MALFORMED, REFUSAL, \
  "the approvals break their format", \
  "make them with 'assay boot policy --approvals'") \
X(565, SECRET_MALFORMED, REFUSAL, \
  "the sealed secret or the credential breaks its format, or is another's", \
  "seal it again on this host, or ask for a new credential") \
X(566, APPROVAL_UNFIT, REFUSAL, \
  "the approvals are not for this: other epochs, another use, no such cap", \
  "use approvals that are made for it, and of an epoch that has not passed") \
X(567, SIGNER_OTHER, REFUSAL, \
  "the file is not signed by the key that was named", \
  "find out who made it; if it is yours, name the key that you signed it with") \
/* The platform, as the tpm role finds it */ \
X(580, LOG_REGISTER_CHANGED, REFUSAL, \
  "the register or NV index that assayd logs into is not what the log says", \
  "find out who else extends it, then boot again") \
X(581, BOOT_POLICY_MISSING, REFUSAL, \
  "no signed boot policy has reached this host", \
  "put it where assayd.conf says, and start assayd again") \
X(582, TPM_BUSY, ENVIRONMENT, \
  "the TPM put a command off, again and again, until its time was over", \
  "try later; the error text has the TPM's own reason: what else uses it?") \
X(523, EVENT_MALFORMED, REFUSAL, \
  "an event is not exactly as assayd writes it", \
  "the log was changed, or comes from another version: do not trust the host") \
X(524, TPM_STRUCTURE_MALFORMED, REFUSAL, \
  "the bytes are not the TPM structure that they should be", \
  "export the file again, in the form of tpm2-tools (tss)") \
X(525, TPM_ALGORITHM_UNSUPPORTED, REFUSAL, \
  "the TPM key or signature uses what assay does not take", \
  "use RSA 2048 to 4096, P-256 or P-384 with SHA-256 or SHA-384") \
X(526, EVIDENCE_MALFORMED, REFUSAL, \
  "the evidence file breaks its format", \
  "make it with 'assay attest'") \
X(527, EVIDENCE_NOT_A_QUOTE, REFUSAL, \
  "what was signed is not what only a TPM can make", \
  "do not trust the host: something else signed it") \
X(528, EVIDENCE_AK_NOT_RESTRICTED, REFUSAL, \
  "the attestation key would sign anything, or can leave its TPM", \
  "do not trust the host, or enroll a restricted signing key") \
X(529, EVIDENCE_AK_UNKNOWN, REFUSAL, \
  "the attestation key is not the enrolled one", \
  "give the record of this host, or enroll it with 'assay tpm enroll'") \
X(530, EVIDENCE_SIGNATURE_BAD, REFUSAL, \
  "the attestation key did not sign this", \
  "the evidence was changed: ask for it again, and do not trust this one") \
X(531, EVIDENCE_NONCE_MISMATCH, REFUSAL, \
  "the evidence answers another nonce: it is old, or of somebody else", \
  "ask again with a fresh nonce, and give the same to both commands") \
X(532, EVIDENCE_PCR_MISMATCH, REFUSAL, \
  "the register values are not the quoted ones", \
  "the evidence was changed: ask for it again, and do not trust this one") \
X(533, EVIDENCE_LOG_MISMATCH, REFUSAL, \
  "the log does not lead to the quoted register", \
  "the log was changed, or others extend the register: do not trust it") \
X(534, EVIDENCE_LOG_CHANGED, REFUSAL, \
  "the digest of a log record does not fit its event", \
  "the log was changed: do not trust it") \
X(535, EVIDENCE_LOG_REMOVED, REFUSAL, \
  "the log lacks an event", \
  "the log was changed: do not trust it") \
X(536, EVIDENCE_LOG_REORDERED, REFUSAL, \
  "the events of the log are in another order", \
  "the log was changed: do not trust it") \
X(537, EVIDENCE_LOG_ADDED, REFUSAL, \
  "the log holds an event that assayd did not write there", \
  "the log was changed, or others use the register: do not trust it") \
X(538, EVIDENCE_NOT_MEASURED, REFUSAL, \
  "the log claims events that the quoted register never received", \
  "ask with a fresh nonce: what ran is measured by then, what did not is not") \
X(539, EVIDENCE_REGISTER_USED, REFUSAL, \
  "the register was extended by others before assayd started", \
  "do not trust the host: its boot chain ran something unknown") \
X(540, EVIDENCE_DEVELOPMENT, REFUSAL, \
  "assayd ran in its development mode, which checks less", \
  "start assayd without it, or allow it with --allow-development") \
X(541, EVIDENCE_PLATFORM_UNKNOWN, REFUSAL, \
  "the host booted something that no reference describes", \
  "give the prediction of what it should have booted, or repair the host") \
X(542, EVIDENCE_IMAGE_UNKNOWN, REFUSAL, \
  "the host started an image that is not on the list", \
  "add the image to the reference list, or find out who started it") \
X(543, EVIDENCE_NV_MISMATCH, REFUSAL, \
  "the NV index of the dynamic launch does not confirm the log", \
  "give the expected Name with --nv-name, or do not trust the host") \
X(544, EK_UNTRUSTED, REFUSAL, \
  "the endorsement certificate is no such one, or leads to no given authority", \
  "give the one that is stored in the TPM, and its maker's with --ek-ca") \
X(545, CREDENTIAL_WRONG, REFUSAL, \
  "the host did not open the credential", \
  "the key is not in that TPM, or it answered another challenge") \
X(546, REFERENCE_MALFORMED, REFUSAL, \
  "a reference, list, context, challenge, nonce or record of a host is none", \
  "make it again; see assay-evidence(1)") \
X(547, EVIDENCE_POLICY_FELL, REFUSAL, \
  "the host went back to an earlier policy or store within one boot", \
  "find out who gave it the old one; boot the host again with the new one") \
X(548, EVIDENCE_POLICY_OLD, REFUSAL, \
  "the host decides by another policy or an older store than is demanded", \
  "give the host the policy and the store that are in force") \
X(549, EVIDENCE_DEBUG_IMAGE, REFUSAL, \
  "the host started a debug image", \
  "find out who started it, or allow such images with --allow-debug") \
X(590, EVIDENCE_CONTEXT_MISMATCH, REFUSAL, \
  "the evidence answers this nonce, but for another context", \
  "give both commands the same --context: do not trust who relayed the nonce") \
X(591, EK_UNLISTED, REFUSAL, \
  "the endorsement key is not on the list of --ek-list", \
  "find out whose TPM it is; add its key to the list if it is yours") \
X(592, LABEL_MISMATCH, REFUSAL, \
  "the list has another label for the endorsement key of this host", \
  "find out which machine has that TPM; enroll it with its label") \
X(593, CHALLENGE_USED, REFUSAL, \
  "the challenge or nonce was used before", \
  "make a new one, and ask the host with it") \
X(594, CHALLENGE_EXPIRED, REFUSAL, \
  "the challenge or nonce is past its end, or the clock was set back", \
  "make a new one, and ask the host with it") \
X(595, CHALLENGE_SHARED, REFUSAL, \
  "others could change the challenge or nonce, or read it", \
  "make a new one in a directory of yours that no other may write") \
X(596, EVIDENCE_CONFIGURATION_UNKNOWN, REFUSAL, \
  "a domain runs with a configuration that is not on the list", \
  "find out who asked for it; if it is good, add its digest to the list") \
X(597, EVIDENCE_EARLIER_UNRELATED, REFUSAL, \
  "the earlier verdict is of another host", \
  "give the one of this host; leave --earlier out once if it was enrolled again") \
X(598, EVIDENCE_EARLIER_MISMATCH, REFUSAL, \
  "the evidence does not go on from the earlier verdict over this host", \
  "do not trust the host: its TPM was put back, or this evidence is the older") \
/* Broken rules of our own */ \
X(900, BUG, BUG, \
  "assay broke a rule of its own", \
  "report this with the log")
/* clang-format on */

#endif
