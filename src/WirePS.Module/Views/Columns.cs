using System.Management.Automation.Host;
using System.Text;
using WirePS.Module.Pipeline;

namespace WirePS.Module.Views;

/// <summary>Text in the last column of a table: PowerShell breaks lines in the middle of words, this between them.</summary>
public static class Columns
{
    private const int UsualWidth = 80;
    private const int LeastWidth = 10;

    /// <summary>The text in lines that fit into what is left of the window.</summary>
    /// <param name="text">The text; null for none.</param>
    /// <param name="before">How many columns of the window the others take, with the spaces between.</param>
    /// <param name="host">Whose window it is.</param>
    public static string? Wrap(string? text, int before, PSHost? host) =>
        Fit(text, Math.Max(LeastWidth, WidthOf(host) - before));

    /// <summary>The text in lines of at most so many characters; longer words are left to PowerShell.</summary>
    /// <param name="text">The text; null for none.</param>
    /// <param name="width">How many characters a line has.</param>
    public static string? Fit(string? text, int width)
    {
        if (text is null)
        {
            return null;
        }

        var lines = new StringBuilder(text.Length);
        var length = 0;
        foreach (var word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (length > 0)
            {
                var fits = length + 1 + word.Length <= width;
                lines.Append(fits ? ' ' : '\n');
                length = fits ? length + 1 : 0;
            }

            lines.Append(word);
            length += word.Length;
        }

        return lines.ToString();
    }

    /// <summary>The columns of a host's window; those of an ordinary one where it does not say.</summary>
    internal static int WidthOf(PSHost? host) => HostLimits.WindowWidth(host) is > LeastWidth and var width ? width : UsualWidth;
}
