// biome-ignore-all lint/suspicious/noTemplateCurlyInString: iPXE expands these, not JavaScript.
import { expect, test } from 'vitest';
import {
  adviceFor,
  bootScript,
  firstScript,
  noImageScript,
  parseKernelArguments,
} from '../../../../src/server/netboot/ipxe-script.ts';

test('the first script asks for the script of this machine, and shows every try', () => {
  expect(firstScript(6)).toMatchInlineSnapshot(`
    "#!ipxe
    set statectl-tries:int32 0
    set statectl-arch \${buildarch}
    iseq \${buildarch} i386 && cpuid --ext 29 && set statectl-arch x86_64 ||
    echo statectl: asking for the image of \${netX/mac:hexhyp} (\${uuid}, \${statectl-arch})
    chain --replace --autofree /v1/ipxe?mac=\${netX/mac:hexhyp}&uuid=\${uuid}&serial=\${serial:uristring}&arch=\${statectl-arch}&macs=\${net0/mac:hexhyp},\${net1/mac:hexhyp},\${net2/mac:hexhyp},\${net3/mac:hexhyp} ||
    echo statectl: the server did not answer
    :again
    inc statectl-tries
    iseq \${statectl-tries} 60 && goto leave ||
    echo statectl: asking the server again in 6 s (try \${statectl-tries} of 60, Ctrl-C for the next boot device)
    sleep 6 || goto leave
    chain --replace --autofree /v1/ipxe?mac=\${netX/mac:hexhyp}&uuid=\${uuid}&serial=\${serial:uristring}&arch=\${statectl-arch}&macs=\${net0/mac:hexhyp},\${net1/mac:hexhyp},\${net2/mac:hexhyp},\${net3/mac:hexhyp} ||
    echo statectl: the server did not answer
    goto again
    :leave
    echo statectl: giving up, going on with the next boot device
    clear statectl-tries
    exit 1
    "
  `);
});

test('the boot script names every file by its content and tells the kernel where it came from', () => {
  const script = bootScript({
    base: 'http://10.0.0.1:8080',
    servers: ['http://10.0.0.1:8080'],
    machine: { mac: '52:54:00:ab:cd:56', arch: 'x86_64' },
    image: 'lab@1',
    chosenBy: 'default',
    kernelUrl: 'http://10.0.0.1:8080/blobs/sha256/aa',
    initramfsUrl: 'http://10.0.0.1:8080/blobs/sha256/bb',
    kernelArguments: 'console=tty0',
    waitS: 6,
  });
  expect(script).toMatchInlineSnapshot(`
    "#!ipxe
    echo statectl: booting lab@1 (chosen by default) from http://10.0.0.1:8080
    imgfree
    kernel --name vmlinuz http://10.0.0.1:8080/blobs/sha256/aa initrd=initramfs.img statectl.server=http://10.0.0.1:8080 statectl.image=lab@1 ip=dhcp BOOTIF=01-52-54-00-ab-cd-56 console=tty0 || goto failed
    initrd --name initramfs.img http://10.0.0.1:8080/blobs/sha256/bb || goto failed
    boot || goto failed
    :failed
    echo statectl: lab@1 did not start, iPXE says: \${errno}
    imgfree
    :again
    inc statectl-tries
    iseq \${statectl-tries} 60 && goto leave ||
    echo statectl: asking the server again in 6 s (try \${statectl-tries} of 60, Ctrl-C for the next boot device)
    sleep 6 || goto leave
    chain --replace --autofree http://10.0.0.1:8080/v1/ipxe?mac=52:54:00:ab:cd:56&arch=x86_64 ||
    echo statectl: the server did not answer
    goto again
    :leave
    echo statectl: giving up, going on with the next boot device
    clear statectl-tries
    exit 1
    "
  `);
});

test('a machine without an image reads who it is and what to type on the server', () => {
  const machine = {
    mac: '52:54:00:ab:cd:56',
    uuid: '4c4c4544-0042-3510-8052-b4c04f4e4d32',
    serial: '${net0/x} || shell',
  };
  const script = noImageScript({ base: 'http://h', machine, why: 'no default is set', waitS: 6 });
  expect(script.slice(0, script.indexOf(':again'))).toMatchInlineSnapshot(`
    "#!ipxe
    echo statectl: http://h has no image for this machine: no default is set
    echo   mac    52:54:00:ab:cd:56
    echo   uuid   4c4c4544-0042-3510-8052-b4c04f4e4d32
    echo   serial ?{net0/x} ?? shell
    echo On the server, type:  statectl image use NAME --for mac=52:54:00:ab:cd:56
    "
  `);
});

test('every script ends after a bounded number of tries', () => {
  const scripts = [firstScript(6), noImageScript({ base: 'http://h', machine: {}, why: '', waitS: 6 })];
  for (const script of scripts) {
    expect(script).toContain('iseq ${statectl-tries} 60 && goto leave');
    expect(script.trimEnd().endsWith('exit 1')).toBe(true);
  }
});

test('the advice uses the best thing that is known of the machine', () => {
  expect(adviceFor({ serial: 'X1', arch: 'x86_64' })).toBe('statectl image use NAME --for serial=X1');
  expect(adviceFor({})).toBe('statectl image use NAME');
});

test('kernel arguments are one line of plain words', () => {
  expect(parseKernelArguments('  quiet   console=ttyS0,115200 ')).toBe('quiet console=ttyS0,115200');
  for (const bad of ['a\nshell', 'a || shell', 'a && b', 'a ; b', 'a #b', 'caf\u00e9'])
    expect(() => parseKernelArguments(bad)).toThrow(expect.objectContaining({ code: 'kernel-arguments-invalid' }));
});
