using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace WirePS.Module.Tests;

/// <summary>The committed help says what the compiled cmdlets do, and what the Markdown says.</summary>
public sealed partial class HelpTests
{
    private static readonly XNamespace Command = "http://schemas.microsoft.com/maml/dev/command/2004/10";
    private static readonly XNamespace Maml = "http://schemas.microsoft.com/maml/2004/10";
    private static readonly XNamespace Dev = "http://schemas.microsoft.com/maml/dev/2004/10";

    private static readonly Dictionary<string, XElement> Help = XDocument.Load(Repository.PathOf("en-US", "WirePS.Module.dll-Help.xml")).Root!
        .Elements(Command + "command")
        .ToDictionary(static c => c.Element(Command + "details")!.Element(Command + "name")!.Value);

    public static TheoryData<string> Names => [.. CompiledCmdlet.All.Select(static c => c.Name)];

    [Fact]
    public void Help_has_every_cmdlet_and_nothing_else() =>
        Assert.Equal(CompiledCmdlet.All.Select(static c => c.Name), Help.Keys.Order(StringComparer.Ordinal));

    [Fact]
    public void Markdown_has_every_cmdlet_and_nothing_else() =>
        Assert.Equal(
            CompiledCmdlet.All.Select(static c => c.Name),
            Directory.EnumerateFiles(Repository.PathOf("docs", "cmdlets"), "*.md").Select(Path.GetFileNameWithoutExtension).Order(StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(Names))]
    public void Help_has_every_parameter_as_it_was_compiled(string name)
    {
        var cmdlet = CompiledCmdlet.All.Single(c => c.Name == name);
        var described = Help[name].Element(Command + "parameters")!.Elements(Command + "parameter").ToDictionary(static p => p.Element(Maml + "name")!.Value);
        Assert.Equal(cmdlet.ParameterNames.Order(StringComparer.Ordinal), described.Keys.Order(StringComparer.Ordinal));
        foreach (var parameter in cmdlet.Parameters)
        {
            var element = described[parameter.Name];
            Assert.Equal(parameter.IsMandatory ? "true" : "false", element.Attribute("required")!.Value);
            Assert.Equal(parameter.Position?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "named", element.Attribute("position")!.Value);
            Assert.Equal(parameter.PipelineInput, element.Attribute("pipelineInput")!.Value);
            Assert.Equal(parameter.TakesWildcards ? "true" : "false", element.Attribute("globbing")!.Value);
            Assert.Equal((Nullable.GetUnderlyingType(parameter.Type) ?? parameter.Type).FullName, element.Element(Dev + "type")!.Element(Maml + "name")!.Value);
            Assert.NotEmpty(element.Element(Maml + "Description")!.Value.Trim());
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Help_and_Markdown_say_the_same(string name)
    {
        var help = Help[name];
        var page = Repository.Read("docs", "cmdlets", name + ".md");
        Assert.StartsWith($"# {name}\n", page, StringComparison.Ordinal);
        Assert.Equal(Plain(Part(page, "Synopsis")), Text(help.Element(Command + "details")!.Element(Maml + "description")!));
        Assert.Equal(Plain(Part(page, "Description")), Text(help.Element(Maml + "description")!));
        foreach (var parameter in help.Element(Command + "parameters")!.Elements(Command + "parameter"))
        {
            var text = Regex.Match(page, $@"\n### -{parameter.Element(Maml + "name")!.Value}\n\n(.*?)\n\n```yaml", RegexOptions.Singleline).Groups[1].Value;
            Assert.Equal(Plain(text), Text(parameter.Element(Maml + "Description")!));
        }

        var examples = Example().Matches(Part(page, "Examples"));
        Assert.True(examples.Count >= 2, "Each page has two examples at least.");
        Assert.Equal(
            examples.Select(static e => (e.Groups["title"].Value, e.Groups["code"].Value)),
            help.Element(Command + "examples")!.Elements(Command + "example").Select(static e => (e.Element(Maml + "title")!.Value, e.Element(Dev + "code")!.Value)));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Related_links_lead_somewhere(string name)
    {
        foreach (var link in Help[name].Element(Command + "relatedLinks")!.Descendants(Maml + "linkText").Select(static l => l.Value))
        {
            Assert.True(
                Help.ContainsKey(link) || File.Exists(Repository.PathOf("en-US", link + ".help.txt")),
                $"{name} points to {link}, which is not there.");
        }
    }

    [Theory]
    [InlineData("about_WirePS")]
    [InlineData("about_WirePS_Pairing")]
    [InlineData("about_WirePS_Security")]
    [InlineData("about_WirePS_Daemon")]
    [InlineData("about_WirePS_Devices")]
    [InlineData("about_WirePS_Messages")]
    [InlineData("about_WirePS_Trust")]
    public void About_topics_have_the_form_that_Get_Help_reads(string topic)
    {
        var text = Repository.Read("en-US", topic + ".help.txt");
        Assert.StartsWith($"TOPIC\n    {topic}\n\nSHORT DESCRIPTION\n    ", text, StringComparison.Ordinal);
        Assert.All(text.Split('\n'), static line => Assert.True(line.Length <= 80, $"Too long for a narrow console: {line}"));
        foreach (Match command in CmdletName().Matches(text))
        {
            Assert.True(Help.ContainsKey(command.Value), $"{topic} names {command.Value}, which is not there.");
        }
    }

    [Fact]
    public void Every_reason_stands_in_the_catalogue_page()
    {
        var rows = Enum.GetValues<WireReason>().Select(static reason =>
        {
            var entry = WireErrorCatalogue.Of(reason);
            return $"| `Wire{reason}` | {entry.Category} | {entry.Meaning} | {entry.Action} |";
        });
        Assert.Equal(rows, Repository.Read("docs", "errors.md").Split('\n').Where(static line => line.StartsWith("| `Wire", StringComparison.Ordinal)));
    }

    private static string Part(string page, string name) => Regex.Match(page, $@"\n## {name}\n\n(.*?)\n\n(?=## |\z)", RegexOptions.Singleline).Groups[1].Value;

    private static string Plain(string markdown) => string.Join('\n', markdown.Replace("`", "", StringComparison.Ordinal).Split("\n\n").Select(static p => p.Replace('\n', ' ').Trim()));

    private static string Text(XElement element) => string.Join('\n', element.Elements(Maml + "para").Select(static p => p.Value.Trim()));

    [GeneratedRegex(@"### (?<title>[^\n]+)\n\n```powershell\n(?<code>.*?)\n```", RegexOptions.Singleline)]
    private static partial Regex Example();

    [GeneratedRegex(@"\b[A-Z][a-z]+-Wire[A-Z]\w*")]
    private static partial Regex CmdletName();
}
