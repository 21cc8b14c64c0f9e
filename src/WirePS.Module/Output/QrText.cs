using System.Text;
using QRCoder;

namespace WirePS.Module.Output;

/// <summary>
/// A QR code as lines of text, two rows of modules in each: black on white by colours of its own, whatever those of the
/// terminal are, with the quiet zone around it that readers need.
/// </summary>
internal static class QrText
{
    // Colours 16 and 231 of the fixed palette: themes change the first sixteen only.
    private const string BlackOnWhite = "\e[38;5;16;48;5;231m";
    private const string Plain = "\e[0m";

    /// <summary>The lines for a text. A text that is too long for a QR code is an <see cref="WireReason.InvalidInvite"/>.</summary>
    internal static IReadOnlyList<string> Lines(string text)
    {
        try
        {
            using var generator = new QRCodeGenerator();
            using var code = generator.CreateQrCode(text, QRCodeGenerator.ECCLevel.L, forceUtf8: false);
            return [.. Rows(code.ModuleMatrix).Select(static row => BlackOnWhite + row + Plain)];
        }
        catch (QRCoder.Exceptions.DataTooLongException error)
        {
            throw new WireException(WireReason.InvalidInvite, "The text is too long for a QR code; make the invite with -Short.", inner: error);
        }
    }

    private static IEnumerable<string> Rows(List<System.Collections.BitArray> modules)
    {
        for (var y = 0; y < modules.Count; y += 2)
        {
            var line = new StringBuilder(modules.Count);
            for (var x = 0; x < modules.Count; x++)
            {
                var lower = y + 1 < modules.Count && modules[y + 1][x];
                line.Append((modules[y][x], lower) switch
                {
                    (true, true) => '█',
                    (true, false) => '▀',
                    (false, true) => '▄',
                    _ => ' ',
                });
            }

            yield return line.ToString();
        }
    }
}
